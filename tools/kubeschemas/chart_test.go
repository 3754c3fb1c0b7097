package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The tests of the chart want the programs helm and icn-node, whose paths
// deploy/test/kubernetes.sh gives them.
const (
	chart     = "../../deploy/helm/icn-node"
	peer      = "/dns4/icn-node-0.icn-node-p2p/tcp/7000/p2p/12D3KooWGzh5kSnWWbFBSDzLoRSSUiwFAECr6mUsHfJW8pVZRFPZ"
	helmEnv   = "ICN_HELM"
	nodeEnv   = "ICN_NODE"
	bootstrap = "p2p.bootstrapPeers={" + peer + "}"
)

// settings are the sets of values that are looked at, by their names.
var settings = map[string][]string{
	"deployment":            nil,
	"deployment of another": {"fullnameOverride=coop", "config.name=coop-config", "secrets.name=coop-secrets", "replicas=2", "api.port=8000", "p2p.port=7001", "monitoring.port=9100"},
	"without TLS":           {"tls.enabled=false"},
	"client certificates":   {"tls.clientCAKey=ca.crt"},
	"secrets made":          {"secrets.create=true", "secrets.apiKey=a", "secrets.keyPassphrase=b", "secrets.authToken=c"},
	"monitored":             {"monitoring.serviceMonitor.enabled=true"},
	"unmonitored":           {"monitoring.enabled=false"},
	"shut":                  {"networkPolicy.restrictEgress=true", "networkPolicy.apiFrom[0].podSelector.matchLabels.app=haproxy", "networkPolicy.p2pFrom[0].ipBlock.cidr=192.0.2.0/24"},
	"first node":            {"mode=statefulset", "replicas=1", "federation.name=coop"},
	"nodes":                 {"mode=statefulset", bootstrap, "backup.every=24h", "audit.enabled=true"},
	"nodes that come":       {"mode=statefulset", bootstrap, "federation.joinCodesSecret=icn-join-codes", "autoscaling.enabled=true"},
}

// object is something of Kubernetes'.
type object = map[string]any

func helm(t *testing.T, sets ...string) (string, error) {
	t.Helper()
	program := os.Getenv(helmEnv)
	if program == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set; run deploy/test/kubernetes.sh", helmEnv)
		}
		t.Skipf("%s is not set; run deploy/test/kubernetes.sh", helmEnv)
	}
	args := []string{"template", "icn-node", chart}
	for _, s := range sets {
		args = append(args, "--set", s)
	}
	var problems bytes.Buffer
	c := exec.Command(program, args...)
	c.Stderr = &problems
	out, err := c.Output()
	if err != nil {
		return problems.String(), err
	}
	return string(out), nil
}

// rendered are the objects of a set of values, by kind and name.
func rendered(t *testing.T, sets ...string) map[string]object {
	t.Helper()
	text, err := helm(t, sets...)
	if err != nil {
		t.Fatal(err, text)
	}
	out := map[string]object{}
	for doc := range strings.SplitSeq(text, "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(strings.TrimPrefix(doc, "---\n")), &o); err != nil {
			t.Fatal(err, doc)
		}
		if o != nil {
			out[fmt.Sprint(o["kind"], "/", at(o, "metadata", "name"))] = o
		}
	}
	return out
}

// at goes into an object by names of fields and numbers of places; nil where there
// is nothing.
func at(v any, path ...any) any {
	for _, p := range path {
		switch x := v.(type) {
		case object:
			v = x[fmt.Sprint(p)]
		case []any:
			i, isPlace := p.(int)
			if !isPlace || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func list(v any) []any { l, _ := v.([]any); return l }

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// workload is the one Deployment or StatefulSet.
func workload(t *testing.T, all map[string]object) object {
	t.Helper()
	var found []object
	for _, o := range all { // order: there is one
		if o["kind"] == "Deployment" || o["kind"] == "StatefulSet" {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d workloads", len(found))
	}
	return found[0]
}

func TestEverySetOfValuesFitsTogether(t *testing.T) {
	for name, sets := range settings { // order: each is by itself
		t.Run(name, func(t *testing.T) {
			all := rendered(t, sets...)
			w := workload(t, all)
			checkSelectors(t, all, w)
			checkReferences(t, all, w)
			checkPorts(t, all, w)
			checkPod(t, at(w, "spec", "template", "spec").(object))
			checkConfig(t, all, w, sets)
		})
	}
}

// checkSelectors looks whether everything that selects pods selects these.
func checkSelectors(t *testing.T, all map[string]object, w object) {
	t.Helper()
	labels := at(w, "spec", "template", "metadata", "labels").(object)
	selects := func(what string, v any) {
		s, isSelector := v.(object)
		if !isSelector || len(s) == 0 {
			t.Errorf("%s selects nothing", what)
		}
		for k, x := range s { // order: all must fit
			equal(t, what+" selects "+k, labels[k], x)
		}
	}
	for name, o := range all { // order: each is by itself
		switch o["kind"] {
		case "Service":
			selects(name, at(o, "spec", "selector"))
		case "Deployment", "StatefulSet", "PodDisruptionBudget":
			selects(name, at(o, "spec", "selector", "matchLabels"))
		case "NetworkPolicy":
			selects(name, at(o, "spec", "podSelector", "matchLabels"))
		case "HorizontalPodAutoscaler":
			target := fmt.Sprint(at(o, "spec", "scaleTargetRef", "kind"), "/", at(o, "spec", "scaleTargetRef", "name"))
			if all[target] == nil {
				t.Errorf("%s scales %s, which is not there", name, target)
			}
			equal(t, "replicas beside an autoscaler", at(w, "spec", "replicas"), nil)
		case "ServiceMonitor":
			n := 0
			for _, s := range all { // order: counted
				if s["kind"] == "Service" && within(at(o, "spec", "selector", "matchLabels").(object), at(s, "metadata", "labels").(object)) {
					n++
					equal(t, "the monitored port", at(s, "spec", "ports", 0, "name"), at(o, "spec", "endpoints", 0, "port"))
				}
			}
			equal(t, "services that are monitored", n, 1)
		}
	}
	if w["kind"] == "StatefulSet" {
		governing := all[fmt.Sprint("Service/", at(w, "spec", "serviceName"))]
		equal(t, "clusterIP of the governing service", at(governing, "spec", "clusterIP"), "None")
		equal(t, "publishNotReadyAddresses", at(governing, "spec", "publishNotReadyAddresses"), true)
	}
}

func within(some, all object) bool {
	for k, v := range some { // order: all must fit
		if all[k] != v {
			return false
		}
	}
	return true
}

// mustExist are the keys of Secrets that the operator makes, as NOTES.txt says.
var mustExist = []string{
	"icn-secrets/api-key", "icn-secrets/auth-token?", "icn-secrets/key-passphrase", "postgres-secrets/password",
	"icn-tls/tls.crt", "icn-tls/tls.key", "icn-tls/ca.crt", "icn-identity/*", "icn-join-codes/*",
	"coop-secrets/api-key", "coop-secrets/auth-token?", "coop-secrets/key-passphrase",
}

// checkReferences looks whether each ConfigMap, Secret, volume and account that the
// pod names is there, or is one that the operator was told to make.
func checkReferences(t *testing.T, all map[string]object, w object) {
	t.Helper()
	spec := at(w, "spec", "template", "spec")
	var secrets []string
	for _, e := range list(at(spec, "containers", 0, "env")) {
		if ref, isRef := at(e, "valueFrom", "secretKeyRef").(object); isRef {
			key := fmt.Sprint(ref["name"], "/", ref["key"])
			if ref["optional"] == true {
				key += "?"
			}
			secrets = append(secrets, key)
		}
	}
	volumes := map[any]bool{}
	for _, v := range list(at(spec, "volumes")) {
		volumes[at(v, "name")] = true
		if name := at(v, "configMap", "name"); name != nil && all[fmt.Sprint("ConfigMap/", name)] == nil {
			t.Errorf("there is no ConfigMap %s", name)
		}
		if s, isSecret := at(v, "secret").(object); isSecret {
			for _, item := range list(s["items"]) {
				secrets = append(secrets, fmt.Sprint(s["secretName"], "/", at(item, "key")))
			}
			if s["items"] == nil {
				secrets = append(secrets, fmt.Sprint(s["secretName"], "/*"))
			}
		}
	}
	for _, v := range list(at(w, "spec", "volumeClaimTemplates")) {
		volumes[at(v, "metadata", "name")] = true
	}
	for _, m := range list(at(spec, "containers", 0, "volumeMounts")) {
		if !volumes[at(m, "name")] {
			t.Errorf("there is no volume %s", at(m, "name"))
		}
		delete(volumes, at(m, "name"))
	}
	if len(volumes) > 0 {
		t.Errorf("volumes that nobody mounts: %v", volumes)
	}
	for _, s := range secrets {
		name, key, _ := strings.Cut(strings.TrimSuffix(s, "?"), "/")
		made := all["Secret/"+name]
		if made == nil && !slices.Contains(mustExist, s) {
			t.Errorf("nobody is told to make the Secret %s", s)
		}
		if made != nil && at(made, "stringData", key) == nil {
			t.Errorf("the Secret %s has no %s", name, key)
		}
	}
	if all[fmt.Sprint("ServiceAccount/", at(spec, "serviceAccountName"))] == nil {
		t.Errorf("there is no ServiceAccount %s", at(spec, "serviceAccountName"))
	}
}

// checkPorts looks whether services and policies mean ports that the pod has.
func checkPorts(t *testing.T, all map[string]object, w object) {
	t.Helper()
	names, numbers := map[any]bool{}, map[string]bool{}
	for _, p := range list(at(w, "spec", "template", "spec", "containers", 0, "ports")) {
		protocol := at(p, "protocol")
		if protocol == nil {
			protocol = "TCP"
		}
		names[at(p, "name")] = true
		numbers[fmt.Sprint(at(p, "containerPort"), " ", protocol)] = true
	}
	open := map[string]bool{}
	for name, o := range all { // order: each is by itself
		for _, p := range list(at(o, "spec", "ports")) {
			if !names[at(p, "targetPort")] {
				t.Errorf("%s means the port %s, which the pod has not", name, at(p, "targetPort"))
			}
		}
		for _, rule := range list(at(o, "spec", "ingress")) {
			for _, p := range list(at(rule, "ports")) {
				open[fmt.Sprint(at(p, "port"), " ", at(p, "protocol"))] = true
			}
		}
	}
	equal(t, "ports that the NetworkPolicy lets in", open, numbers)
}

// checkPod looks at what a cluster's administrator asks of every pod.
func checkPod(t *testing.T, spec object) {
	t.Helper()
	equal(t, "service links, whose variables begin with ICN_", spec["enableServiceLinks"], false)
	equal(t, "token", spec["automountServiceAccountToken"], false)
	for field, want := range map[string]any{"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000} { // order: each is by itself
		equal(t, field, at(spec, "securityContext", field), want)
	}
	equal(t, "seccomp", at(spec, "securityContext", "seccompProfile", "type"), "RuntimeDefault")
	c := at(spec, "containers", 0)
	equal(t, "read-only root", at(c, "securityContext", "readOnlyRootFilesystem"), true)
	equal(t, "escalation", at(c, "securityContext", "allowPrivilegeEscalation"), false)
	equal(t, "dropped", at(c, "securityContext", "capabilities", "drop"), "[ALL]")
	for probe, path := range map[string]string{"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/ready"} { // order: each is by itself
		equal(t, probe, at(c, probe, "httpGet", "path"), path)
		equal(t, probe, at(c, probe, "httpGet", "port"), "http-api")
		equal(t, probe+" speaks plain HTTP, which the port answers", at(c, probe, "httpGet", "scheme"), nil)
	}
	equal(t, "memory", at(c, "resources", "limits", "memory"), "2Gi")
	equal(t, "CPU", at(c, "resources", "requests", "cpu"), "250m")
	equal(t, "leave", at(c, "lifecycle", "preStop", "sleep", "seconds"), 5)
}

// checkConfig has the node itself look at its configuration, with the environment
// and files that the pod would give it.
func checkConfig(t *testing.T, all map[string]object, w object, sets []string) {
	t.Helper()
	spec := at(w, "spec", "template", "spec")
	var name any
	for _, v := range list(at(spec, "volumes")) {
		if n := at(v, "configMap", "name"); n != nil {
			name = n
		}
	}
	text, _ := at(all[fmt.Sprint("ConfigMap/", name)], "data", "config.toml").(string)
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Getenv(nodeEnv), "config", "check", path)
	for _, e := range list(at(spec, "containers", 0, "env")) {
		if at(e, "valueFrom") != nil {
			c.Env = append(c.Env, fmt.Sprint(at(e, "name"), "=word"))
		}
	}
	if out, err := c.CombinedOutput(); err != nil || strings.Contains(string(out), "warning") {
		t.Errorf("config check: %v: %s", err, out)
	}
	for _, line := range strings.Split(text, "\n") { // what the node reads and writes is mounted
		_, file, isPath := strings.Cut(line, `path = "/`)
		if isPath && !mounted(spec, "/"+strings.TrimSuffix(file, `"`)) {
			t.Errorf("%s: it is not mounted", line)
		}
	}
	equal(t, "TLS", strings.Contains(text, "tls_cert_path"), !slices.Contains(sets, "tls.enabled=false"))
	equal(t, "database", strings.Contains(text, "DB_PASSWORD"), w["kind"] == "Deployment")
}

func mounted(spec any, path string) bool {
	return slices.ContainsFunc(list(at(spec, "containers", 0, "volumeMounts")), func(m any) bool {
		return strings.HasPrefix(path, fmt.Sprint(at(m, "mountPath"), "/"))
	})
}

// TestDeploymentReplacesOneAfterTheOther: with the guide's three replicas a new
// process is ready before an old one is stopped.
func TestDeploymentReplacesOneAfterTheOther(t *testing.T) {
	w := rendered(t)["Deployment/icn-node"]
	equal(t, "replicas", at(w, "spec", "replicas"), 3)
	equal(t, "strategy", at(w, "spec", "strategy"), "map[rollingUpdate:map[maxSurge:1 maxUnavailable:0] type:RollingUpdate]")
}

// TestNodesOfTheirOwnStartTogether: a node is ready when it has a leader, for which
// it needs the others.
func TestNodesOfTheirOwnStartTogether(t *testing.T) {
	w := rendered(t, settings["nodes"]...)["StatefulSet/icn-node"]
	equal(t, "policy", at(w, "spec", "podManagementPolicy"), "Parallel")
	equal(t, "claims stay", at(w, "spec", "persistentVolumeClaimRetentionPolicy"), "map[whenDeleted:Retain whenScaled:Retain]")
}

func TestNobodyElseMayCallOrCollect(t *testing.T) {
	all := rendered(t, settings["shut"]...)
	p := all["NetworkPolicy/icn-node"]
	own := "map[podSelector:map[matchLabels:map[app:icn-node]]]"
	equal(t, "callers", at(p, "spec", "ingress", 0, "from"), "["+own+" map[podSelector:map[matchLabels:map[app:haproxy]]]]")
	equal(t, "peers", at(p, "spec", "ingress", 1, "from"), "["+own+" map[ipBlock:map[cidr:192.0.2.0/24]]]")
	equal(t, "collectors", at(p, "spec", "ingress", 2, "from"), "[map[namespaceSelector:map[matchLabels:map[kubernetes.io/metadata.name:monitoring]]]]")
	equal(t, "types", at(p, "spec", "policyTypes"), "[Ingress Egress]")
	equal(t, "ways out", len(list(at(p, "spec", "egress"))), 4)
}

// TestMistakesAreRefused: what would cost a federation, or would do nothing.
func TestMistakesAreRefused(t *testing.T) {
	for _, c := range []struct {
		sets []string
		says string
	}{
		{[]string{"mode=statefulset"}, "would found a federation of its own"},
		{[]string{"autoscaling.enabled=true"}, "standbys of mode deployment are no capacity"},
		{[]string{"mode=statefulset", bootstrap, "autoscaling.enabled=true"}, "joinCodesSecret"},
		{[]string{"mode=statefulset", bootstrap, "federation.joinCodesSecret=x", "autoscaling.enabled=true", "autoscaling.maxReplicas=2"}, "less than replicas"},
		{[]string{"secrets.create=true"}, "openssl rand -hex 32"},
		{[]string{"mode=daemonset"}, "mode"},
		{[]string{"replcas=2"}, "replcas"},
		{[]string{"tls.enabeld=false"}, "enabeld"},
		{[]string{"p2p.bootstrapPeers={/ip4/10.0.1.100/tcp/7000/p2p/QmBootstrapPeer}"}, "bootstrapPeers"},
	} {
		out, err := helm(t, c.sets...)
		if err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%v: %v: %s", c.sets, err, out)
		}
	}
}
