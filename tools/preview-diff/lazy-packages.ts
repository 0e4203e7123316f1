/**
 * Packages of which the main module of Pulumi's SDK needs nothing until a program hands a function to the engine: loaded
 * when something of them is used. They are half of its start-up time, and almost no program comes to need them.
 */
export const lazyPackages: readonly string[] = ["@npmcli/arborist", "typescript"];
