/** MetalLB's own name for its namespace. */
export const metalLbNamespace = "metallb-system";

/** MetalLB's two programs: the one that gives addresses, and the one on each node that answers for them. */
export type Program = "controller" | "speaker";

/** The labels by which a program's pods are found. */
export function programLabels(program: Program): Record<string, string> {
    return { app: "metallb", component: program };
}

/** Name and namespace of an object in MetalLB's namespace. */
export function inMetalLb(name: string) {
    return { name, namespace: metalLbNamespace };
}
