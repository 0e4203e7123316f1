package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// say puts a line of its own into the log, which tells it from what the commands print.
func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "ci: "+format+"\n", values...)
}

// failure is a step that failed by its command's exit code, which becomes that of the container.
type failure struct {
	message string
	code    int
}

func (f failure) Error() string { return f.message }

// step runs a command to its end, with its output in the log, and says how long it took, if the step has a name.
func step(what string, command *exec.Cmd) error {
	started := time.Now()
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return ended(what, command.Run(), time.Since(started))
}

// ended says how a step ended.
func ended(what string, err error, took time.Duration) error {
	seconds := took.Seconds()
	var exit *exec.ExitError
	switch {
	case err == nil && what == "":
		return nil
	case err == nil:
		say("%s: done in %.1f s", what, seconds)
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return failure{fmt.Sprintf("%s: failed with exit code %d after %.1f s", what, exit.ExitCode(), seconds), exit.ExitCode()}
	case errors.As(err, &exit):
		return failure{fmt.Sprintf("%s: ended by %v after %.1f s", what, exit, seconds), exitBroken}
	}
	return fmt.Errorf("%s: %w", what, err)
}
