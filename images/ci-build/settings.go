package main

import (
	"strings"
)

// registry is where base images come from and the image goes to.
type registry struct {
	// Address as image references name it: host[:port][/path].
	address string
	// Endpoint under which a pod reaches it, of the same form.
	endpoint string
	// Insecure is plain HTTP.
	insecure bool
	// CA is the certificate of an authority of its own, PEM; else empty.
	ca string
	// Login is a file with its login, as Docker keeps them; else empty.
	login string
}

type settings struct {
	registry registry
	// Image is the repository's name below the registry's address.
	image string
	// Commit is the full id of the checkout's commit, and time its seconds since 1970.
	commit, time string
	// Dockerfile is its path in the checkout.
	dockerfile string
	// Arguments of the build, NAME=VALUE.
	arguments []string
}

// tag is what the image is called by: as much of the commit as people read.
func (s settings) tag() string { return s.commit[:12] }

func buildSettings(variable func(string) string, arguments []string) (settings, error) {
	var missing []string
	needed := func(name string) string {
		value := variable(name)
		if value == "" {
			missing = append(missing, name)
		}
		return value
	}
	made := settings{
		registry: registry{
			address:  needed("CI_REGISTRY"),
			endpoint: needed("CI_REGISTRY_ENDPOINT"),
			insecure: variable("CI_REGISTRY_INSECURE") == "true",
			ca:       variable("CI_REGISTRY_CA"),
			login:    variable("CI_REGISTRY_LOGIN"),
		},
		image:      needed("CI_IMAGE"),
		commit:     needed("CI_COMMIT"),
		time:       needed("CI_COMMIT_TIME"),
		dockerfile: needed("CI_DOCKERFILE"),
		arguments:  arguments,
	}
	if len(missing) > 0 {
		return settings{}, misuse{"the environment lacks " + strings.Join(missing, ", ")}
	}
	if len(made.commit) < 12 {
		return settings{}, misuse{"CI_COMMIT is no whole commit id"}
	}
	return made, nil
}
