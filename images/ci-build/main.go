// ci-build carries out the steps of a CI build in a pod: hands out the checkout, runs its tests, builds and pushes its image.
//
// It is one static program, so that it can stand in any Linux image beside the tests' own command.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit codes of its own; otherwise a step ends with the exit code of its command.
const (
	exitMisused = 2   // wrong arguments or environment
	exitBroken  = 125 // something around the command broke: no namespace, no registry, a file
)

const usage = `usage: ci-build <subcommand>

  checkout FOLDER            copies the checkout and this program to FOLDER
  tests -- COMMAND...        runs COMMAND without a network
  build [NAME=VALUE...]      builds the checkout's image, its RUN lines without a network, with these build arguments, and
                             pushes it
  offline -- COMMAND...      runs COMMAND without a network, and says nothing about it

The environment (CI_...) says the rest; settings.go has the names.`

// misuse is an error in how the program was called.
type misuse struct{ message string }

func (m misuse) Error() string { return m.message }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := subcommand(ctx, os.Args[1:])
	if err == nil {
		return
	}
	var failed failure
	switch {
	case errors.As(err, &failed):
		if failed.message != "" {
			say("%s", failed.message)
		}
		os.Exit(failed.code)
	case errors.As(err, &misuse{}):
		say("error: %v", err)
		os.Exit(exitMisused)
	}
	say("error: %v", err)
	os.Exit(exitBroken)
}

func subcommand(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return misuse{usage}
	}
	name, args := args[0], args[1:]
	switch name {
	case "checkout":
		if len(args) != 1 {
			return misuse{"checkout takes one argument: the folder to make"}
		}
		return handOut(args[0])
	case "tests":
		command, err := afterDashes(args)
		if err != nil {
			return err
		}
		say("tests, without a network: %s", strings.Join(command, " "))
		return runIsolated(ctx, "tests", command)
	case "build":
		settings, err := buildSettings(os.Getenv, args)
		if err != nil {
			return err
		}
		return build(ctx, settings)
	case offline:
		command, err := afterDashes(args)
		if err != nil {
			return err
		}
		return runIsolated(ctx, "", command)
	case enter:
		command, err := afterDashes(args)
		if err != nil {
			return err
		}
		return enterCommand(command)
	}
	return misuse{fmt.Sprintf("there is no subcommand %q\n%s", name, usage)}
}

func afterDashes(args []string) ([]string, error) {
	if len(args) < 2 || args[0] != "--" {
		return nil, misuse{"a command is missing: give it after --"}
	}
	return args[1:], nil
}
