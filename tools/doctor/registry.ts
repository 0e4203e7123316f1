import { registryProblem } from "../../registry/check";
import type { CheckResult, Subject } from "./check";

/** Whether the registry answers. A login is not tried: its password can't be read without the engine. */
export async function checkRegistry({ settings, containers }: Subject): Promise<CheckResult> {
    const { registry, registryInsecure, registryCa, registryUsername, registryPort } = settings;
    const own = registry === undefined;
    if (own && containers.length === 0) {
        return { name: "registry", found: "the cluster's own, not there yet", wrong: [] };
    }
    const address = registry ?? `localhost:${registryPort}`;
    const problem = await registryProblem({ address, insecure: own || registryInsecure, ca: registryCa });
    const wantsLogin = registryUsername !== undefined && / wants a login$/.test(problem?.wrong ?? "");
    return {
        name: "registry",
        found: `${address}${registryUsername === undefined ? "" : ` as ${registryUsername}`}`,
        wrong: problem === undefined || wantsLogin ? [] : [own ? { ...problem, mend: "npm run up" } : problem],
    };
}
