import { z } from "zod";

import { entryText } from "./entries";

/** Kubernetes' own labels that a user may set; its others it sets itself. */
const settable = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

const namePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefixPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What is wrong with the key of a label or a taint, `[<DNS name>/]<name>`. */
export function labelKeyProblem(key: string): string | undefined {
    const [name, prefix, ...more] = key.split("/").reverse();
    const right =
        namePattern.test(name) && (prefix === undefined || (prefix.length <= 253 && prefixPattern.test(prefix)));
    return right && more.length === 0 ? undefined : "is no name of a label";
}

/** What is wrong with a key that this program is to set: those of Kubernetes and of the program itself are not the user's. */
export function ownKeyProblem(key: string): string | undefined {
    const prefix = key.includes("/") ? key.slice(0, key.indexOf("/")) : "";
    if (prefix === "node-role.kubernetes.io") {
        return "is a role: roles are set by `roles`";
    }
    if (prefix === "nta" || (/(^|\.)(kubernetes|k8s)\.io$/.test(prefix) && !settable.includes(key))) {
        return `belongs to ${prefix === "nta" ? "this program" : "Kubernetes itself"}`;
    }
    return labelKeyProblem(key);
}

function labelValueProblem(value: string): string | undefined {
    return namePattern.test(value) ? undefined : "is no value of a label";
}

/** Labels by their keys. */
export function entryLabels(keyProblem: (key: string) => string | undefined) {
    return z.record(entryText(keyProblem), entryText(labelValueProblem).or(z.literal("")), {
        error: "is no object of labels",
    });
}

/** Taints as kubectl writes them, `<key>[=<value>]:<effect>`; also what tolerates them. */
export function entryTaints(keyProblem: (key: string) => string | undefined) {
    const problem = (taint: string) => {
        const match = /^([^=:]+)(?:=([^=:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(taint);
        if (match === null) {
            return "is no taint";
        }
        const [, key, value = ""] = match;
        return keyProblem(key) ?? (value === "" ? undefined : labelValueProblem(value));
    };
    return z.array(entryText(problem), "is not a list of taints");
}

/** How a taint is written, for messages. */
export const taintForm =
    "a list of texts such as dedicated=batch:NoSchedule: a key, a value or none, and NoSchedule, PreferNoSchedule or NoExecute";
