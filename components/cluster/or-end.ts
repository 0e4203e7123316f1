/**
 * A promise that fails ends the program here, with its error alone. Handed on, the SDK would wrap it again for each property
 * of each resource that waits for it.
 */
export function orEnd<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve) => void promise.then(resolve));
}
