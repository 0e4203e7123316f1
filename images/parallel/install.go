package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// install copies this program to a file.
func install(target string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	if err := writeWhole(target, program); err != nil {
		return err
	}
	return os.Chmod(target, 0o755)
}

// listTasks makes a list of tasks from what a command prints: whole or not at all, and once, because a command may print
// something else the next time. It tells the command's exit code.
func listTasks(ctx context.Context, target string, command []string) (int, error) {
	if _, err := os.Stat(target); err == nil {
		return 0, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o775); err != nil {
		return 0, err
	}
	child := exec.CommandContext(ctx, command[0], command[1:]...)
	child.Env = commandEnvironment(os.Environ())
	child.Stderr = os.Stderr
	output, err := child.Output()
	if child.ProcessState == nil {
		return exitMisused, fmt.Errorf("the command that lists the tasks: %w", err)
	}
	if err != nil {
		return exitCode(child.ProcessState, err), fmt.Errorf("the command that lists the tasks: %w", err)
	}
	return 0, writeWhole(target, output)
}
