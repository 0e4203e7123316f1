/** Sets variables of this process's environment (undefined: takes one away); returns what takes that back. */
export function setVariables(values: Record<string, string | undefined>): () => void {
    const set = (variables: NodeJS.ProcessEnv) => {
        for (const [name, value] of Object.entries(variables)) {
            if (value === undefined) {
                // What is assigned becomes text: "undefined" too.
                delete process.env[name];
            } else {
                process.env[name] = value;
            }
        }
    };
    const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
    set(values);
    return () => set(before);
}

/** Runs with these variables. */
export async function withVariables<T>(
    values: Record<string, string | undefined>,
    body: () => Promise<T> | T,
): Promise<T> {
    const restore = setVariables(values);
    try {
        return await body();
    } finally {
        restore();
    }
}
