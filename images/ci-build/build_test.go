package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var variables = map[string]string{
	"CI_REGISTRY":          "localhost:5000",
	"CI_REGISTRY_ENDPOINT": "10.0.0.2:5000",
	"CI_REGISTRY_INSECURE": "true",
	"CI_IMAGE":             "app",
	"CI_COMMIT":            "0123456789abcdef0123456789abcdef01234567",
	"CI_COMMIT_TIME":       "1700000000",
	"CI_DOCKERFILE":        "docker/Dockerfile",
}

func builderOf(t *testing.T, other map[string]string) *builder {
	t.Helper()
	made, err := buildSettings(func(name string) string {
		if value, ok := other[name]; ok {
			return value
		}
		return variables[name]
	}, []string{"BASE=taurus"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBuilder(made, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMissingVariablesAreNamedTogether(t *testing.T) {
	_, err := buildSettings(func(string) string { return "" }, nil)
	want := "the environment lacks CI_REGISTRY, CI_REGISTRY_ENDPOINT, CI_IMAGE, CI_COMMIT, CI_COMMIT_TIME, CI_DOCKERFILE"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestTheRegistryIsReachedAsTheSettingsSay(t *testing.T) {
	plain := builderOf(t, nil)
	if want := []string{"--tls-verify=false"}; !reflect.DeepEqual(plain.registryFlags, want) {
		t.Errorf("got %v", plain.registryFlags)
	}
	configuration, err := os.ReadFile(filepath.Join(plain.home, "registries.conf"))
	want := "[[registry]]\nprefix = \"localhost:5000\"\nlocation = \"10.0.0.2:5000\"\ninsecure = true\n"
	if err != nil || string(configuration) != want {
		t.Errorf("got %q, %v", configuration, err)
	}

	secured := builderOf(t, map[string]string{
		"CI_REGISTRY_INSECURE": "", "CI_REGISTRY_CA": "PEM", "CI_REGISTRY_LOGIN": "/login/config.json",
	})
	certificates := filepath.Join(secured.home, "certificates")
	if want := []string{"--cert-dir", certificates, "--authfile", "/login/config.json"}; !reflect.DeepEqual(secured.registryFlags, want) {
		t.Errorf("got %v", secured.registryFlags)
	}
	if ca, err := os.ReadFile(filepath.Join(certificates, "ca.crt")); err != nil || string(ca) != "PEM" {
		t.Errorf("got %q, %v", ca, err)
	}
}

func TestTheBuildPullsNothingAndHasTheTimesOfTheCommit(t *testing.T) {
	b := builderOf(t, nil)
	want := []string{
		"build", "--pull-never", "--http-proxy=false", "--format", "docker", "--timestamp", "1700000000",
		"--label", "org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567",
		"--tag", "localhost/ci-build", "--file", "/checkout/docker/Dockerfile", "--build-arg", "BASE=taurus", "/checkout",
	}
	if got := b.buildArguments(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if tag := b.tag(); tag != "0123456789ab" {
		t.Errorf("got %s", tag)
	}
	isolation := func(variable string) bool { return strings.HasPrefix(variable, "BUILDAH_ISOLATION=chroot") }
	if !slices.ContainsFunc(b.environment, isolation) {
		t.Errorf("got %v", b.environment)
	}
}
