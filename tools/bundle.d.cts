/** A program with its own modules in it. */
export interface Bundle {
    /** CommonJS. */
    text: string;
    /** Packages that stay outside, as the program names them: `yaml`, `@pulumi/kubernetes/core/v1`. */
    packages: string[];
}

/**
 * Turns a TypeScript program and its own modules into one JavaScript text: much quicker to make and to load than by
 * compiling each module when it is required.
 *
 * @param root folder of the project, in which modules still know where they stood
 * @param external packages that stay outside, where Node finds them from the file's folder; all, unless given
 * @throws Error with the first places that do not compile, in paths relative to `root`
 */
export function bundle(entryPoint: string, root: string, external?: string[]): Promise<Bundle>;
