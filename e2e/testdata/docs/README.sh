# One key for all nodes of the page, so that the commands after them have it.
export ICN_API_KEY=0123456789abcdef
openssl() { echo "$ICN_API_KEY"; }
go() { (cd "$SOURCE" && command go build -o "$FOLDER_OF_GO/" ./cmd/...); }
FOLDER_OF_GO=$PWD/built
