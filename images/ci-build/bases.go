package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// base is an image that a Dockerfile stands on or copies from.
type base struct {
	// Name as the Dockerfile has it.
	name string
	// Reference to it in the registry, with the registry's address.
	reference string
}

// basesOf tells which images a Dockerfile needs, each once, in its order: those of its FROM lines and of COPY --from, where
// they are no stages of its own.
func basesOf(dockerfile io.Reader, arguments []string, registryAddress string) ([]base, error) {
	parsed, err := parser.Parse(dockerfile)
	if err != nil {
		return nil, err
	}
	stages, metaArguments, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, err
	}
	lex := shell.NewLex(parsed.EscapeToken)
	environment, err := globalArguments(lex, metaArguments, arguments)
	if err != nil {
		return nil, err
	}
	var bases []base
	seen := map[string]bool{"scratch": true}
	add := func(name string) error {
		if seen[strings.ToLower(name)] {
			return nil
		}
		seen[strings.ToLower(name)] = true
		reference, err := inRegistry(name, registryAddress)
		bases = append(bases, base{name, reference})
		return err
	}
	for _, stage := range stages {
		name, _, err := lex.ProcessWord(stage.BaseName, shell.EnvsFromSlice(environment))
		if err != nil {
			return nil, err
		}
		if name == "" {
			return nil, fmt.Errorf("FROM %s is empty: it needs a build argument", stage.BaseName)
		}
		if err := add(name); err != nil {
			return nil, err
		}
		seen[strings.ToLower(stage.Name)] = true
		for _, command := range stage.Commands {
			if copied, ok := command.(*instructions.CopyCommand); ok && copied.From != "" {
				if _, err := strconv.Atoi(copied.From); err == nil {
					continue
				}
				if err := add(copied.From); err != nil {
					return nil, err
				}
			}
		}
	}
	return bases, nil
}

// globalArguments gives the values of the ARG lines before the first FROM, as NAME=VALUE.
func globalArguments(lex *shell.Lex, metaArguments []instructions.ArgCommand, given []string) ([]string, error) {
	var environment []string
	for _, line := range metaArguments {
		for _, argument := range line.Args {
			value, ok := givenValue(given, argument.Key)
			if !ok && argument.Value != nil {
				expanded, _, err := lex.ProcessWord(*argument.Value, shell.EnvsFromSlice(environment))
				if err != nil {
					return nil, err
				}
				value, ok = expanded, true
			}
			if ok {
				environment = append(environment, argument.Key+"="+value)
			}
		}
	}
	return environment, nil
}

func givenValue(given []string, name string) (string, bool) {
	for _, argument := range given {
		if key, value, _ := strings.Cut(argument, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// inRegistry gives the reference to an image in the one registry that there is. Names without a host are names in it.
func inRegistry(name string, registryAddress string) (string, error) {
	first, rest, _ := strings.Cut(name, "/")
	reference := name
	if rest == "" || !(strings.ContainsAny(first, ".:") || first == "localhost") {
		reference = registryAddress + "/" + name
	} else if !strings.HasPrefix(name, registryAddress+"/") {
		return "", fmt.Errorf("%s can't be had: the one registry that is reached is %s; "+
			"push it there, and name it without a host", name, registryAddress)
	}
	last := reference[strings.LastIndex(reference, "/")+1:]
	if !strings.ContainsAny(last, ":@") {
		reference += ":latest"
	}
	return reference, nil
}
