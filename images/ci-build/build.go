package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The name of the built image in buildah's own storage.
const builtName = "localhost/ci-build"

// Where a container tells Kubernetes how it ended.
const terminationLog = "/dev/termination-log"

// builder calls buildah, which keeps its images below the home folder.
type builder struct {
	settings
	home string
	// Flags for talking to the registry.
	registryFlags []string
	environment   []string
}

// build pulls the base images, builds the checkout's image, and pushes it. Only pulling and pushing have a network.
func build(ctx context.Context, s settings) error {
	b, err := newBuilder(s, os.Getenv("HOME"))
	if err != nil {
		return err
	}
	b.chooseStorage(ctx)
	if err := b.pullBases(ctx); err != nil {
		return err
	}
	command := append([]string{"buildah"}, b.buildArguments()...)
	if err := b.buildOffline(ctx, command); err != nil {
		return err
	}
	digest, err := b.push(ctx)
	if err != nil {
		return err
	}
	reference := fmt.Sprintf("%s/%s@%s", s.registry.address, s.image, digest)
	say("image %s", reference)
	return os.WriteFile(terminationLog, []byte(reference), 0o644)
}

// newBuilder writes buildah's configuration: the registry under the address that pods have for it, and its certificate.
func newBuilder(s settings, home string) (*builder, error) {
	temporary := filepath.Join(home, "tmp")
	certificates := filepath.Join(home, "certificates")
	for _, folder := range []string{temporary, certificates} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	configuration := filepath.Join(home, "registries.conf")
	if err := os.WriteFile(configuration, []byte(registriesConfiguration(s.registry)), 0o644); err != nil {
		return nil, err
	}
	b := &builder{settings: s, home: home, environment: append(os.Environ(),
		"BUILDAH_ISOLATION=chroot", "TMPDIR="+temporary, "XDG_RUNTIME_DIR="+temporary,
		"CONTAINERS_REGISTRIES_CONF="+configuration)}
	if s.registry.insecure {
		b.registryFlags = append(b.registryFlags, "--tls-verify=false")
	}
	if s.registry.ca != "" {
		if err := os.WriteFile(filepath.Join(certificates, "ca.crt"), []byte(s.registry.ca), 0o644); err != nil {
			return nil, err
		}
		b.registryFlags = append(b.registryFlags, "--cert-dir", certificates)
	}
	if s.registry.login != "" {
		b.registryFlags = append(b.registryFlags, "--authfile", s.registry.login)
	}
	return b, nil
}

// registriesConfiguration maps the registry's address to the one that a pod reaches it under.
func registriesConfiguration(r registry) string {
	return fmt.Sprintf("[[registry]]\nprefix = %q\nlocation = %q\ninsecure = %t\n", r.address, r.endpoint, r.insecure)
}

func (b *builder) buildah(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "buildah", arguments...)
	command.Env = b.environment
	return command
}

// chooseStorage takes overlay where the kernel lets a user namespace mount it, and else copies whole images.
func (b *builder) chooseStorage(ctx context.Context) {
	common := b.environment
	b.environment = slices.Concat(common, []string{"STORAGE_DRIVER=overlay"})
	if output, err := b.buildah(ctx, "info").CombinedOutput(); err != nil {
		say("storage vfs, which is slower: overlay can't be had (%s)", lastLine(output))
		b.environment = slices.Concat(common, []string{"STORAGE_DRIVER=vfs"})
	}
}

// pullBases gets the images that the Dockerfile needs, and gives them the names that it has for them.
func (b *builder) pullBases(ctx context.Context) error {
	file, err := os.Open(filepath.Join(checkoutFolder, b.dockerfile))
	if err != nil {
		return err
	}
	defer file.Close()
	bases, err := basesOf(file, b.arguments, b.registry.address)
	if err != nil {
		return failure{fmt.Sprintf("%s: %v", b.dockerfile, err), 1}
	}
	for _, one := range bases {
		started := time.Now()
		say("base %s: pulling %s", one.name, one.reference)
		arguments := append([]string{"pull", "--quiet"}, b.registryFlags...)
		pull := b.buildah(ctx, append(arguments, "docker://"+one.reference)...)
		var id bytes.Buffer
		pull.Stdout, pull.Stderr = &id, os.Stderr
		if err := ended("base "+one.name, pull.Run(), time.Since(started)); err != nil {
			return err
		}
		if one.name == one.reference || strings.Contains(one.name, "@") {
			continue
		}
		if output, err := b.buildah(ctx, "tag", strings.TrimSpace(id.String()), one.name).CombinedOutput(); err != nil {
			return fmt.Errorf("naming the base %s: %w: %s", one.name, err, lastLine(output))
		}
	}
	return nil
}

// buildArguments are those of `buildah build`. The commit's time in place of now makes the same layers of the same commit.
func (b *builder) buildArguments() []string {
	arguments := []string{
		// OCI's format has neither SHELL nor HEALTHCHECK.
		"build", "--pull-never", "--http-proxy=false", "--format", "docker",
		"--timestamp", b.time,
		"--label", "org.opencontainers.image.revision=" + b.commit,
		"--tag", builtName,
		"--file", filepath.Join(checkoutFolder, b.dockerfile),
	}
	for _, argument := range b.arguments {
		arguments = append(arguments, "--build-arg", argument)
	}
	return append(arguments, checkoutFolder)
}

// buildOffline runs a command as the root of buildah's user namespace, in which it makes the network namespace.
func (b *builder) buildOffline(ctx context.Context, command []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	say("build, without a network: %s", b.dockerfile)
	child := b.buildah(ctx, append([]string{"unshare", "--", self, offline, "--"}, command...)...)
	return step("build", child)
}

// push gives the image to the registry, under its commit and as the latest, and tells its digest.
func (b *builder) push(ctx context.Context) (string, error) {
	digestFile := filepath.Join(b.home, "digest")
	for _, tag := range []string{b.tag(), "latest"} {
		arguments := append([]string{"push", "--quiet", "--digestfile", digestFile}, b.registryFlags...)
		target := fmt.Sprintf("docker://%s/%s:%s", b.registry.endpoint, b.image, tag)
		what := fmt.Sprintf("push %s/%s:%s", b.registry.address, b.image, tag)
		if err := step(what, b.buildah(ctx, append(arguments, builtName, target)...)); err != nil {
			return "", err
		}
	}
	digest, err := os.ReadFile(digestFile)
	return strings.TrimSpace(string(digest)), err
}

func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}
