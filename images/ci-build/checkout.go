package main

import (
	"os"
	"path/filepath"
	"strings"
)

// The checkout in the image that the step runs in, and a file with what is said of its commit.
const (
	checkoutFolder = "/checkout"
	commitFile     = "/commit"
)

// handOut puts the checkout and this program where the tests find them: a copy, which they may write to.
func handOut(target string) error {
	commit, err := os.ReadFile(commitFile)
	if err != nil {
		return err
	}
	say("commit %s", strings.TrimSpace(string(commit)))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(target, "ci-build"), program, 0o755); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(target, "checkout"), os.DirFS(checkoutFolder))
}
