# A node in a container. It keeps what it has in /var/lib/icn, its key in
# /secrets/identity, and reads its certificate from /secrets/tls; everything else
# may be read-only. docs/containers.md tells more.
#
#   docker build -t icn-core .
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=1.2.0 -t icn-core .
ARG GO_VERSION=1.26

# The compiler runs on the machine that builds, whatever the image is for. Builders
# before BuildKit do not say what that is.
FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETARCH
ARG VERSION
# One program with two names: icn-node and icn-cli are made of nearly the same packages.
RUN CGO_ENABLED=0 GOOS=linux GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false -tags nocloud,onebinary \
      -ldflags "-s -w ${VERSION:+-X github.com/InterCooperative-Network/icn-core/launch.Release=$VERSION}" \
      -o /image/usr/local/bin/icn-node ./cmd/icn-node \
 && ln -s icn-node /image/usr/local/bin/icn-cli
RUN mkdir -p /image/etc/icn /image/etc/ssl/certs /image/usr/share /nothing \
 && cp configs/production.toml /image/etc/icn/config.toml \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /image/usr/share/

FROM scratch
COPY --from=build /image/ /
# Volumes that are made for these folders take their owner from here.
COPY --from=build --chown=1000:1000 /nothing /var/lib/icn
COPY --from=build --chown=1000:1000 /nothing /secrets/identity
COPY --from=build --chown=1000:1000 /nothing /tmp
ENV PATH=/usr/local/bin HOME=/var/lib/icn ZONEINFO=/usr/share/zoneinfo.zip
WORKDIR /var/lib/icn
EXPOSE 7845 7000
USER 1000
# The port of the API answers this without TLS, too.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["icn-cli", "health", "--api-url", "http://127.0.0.1:7845"]
CMD ["icn-node", "--config", "/etc/icn/config.toml"]
