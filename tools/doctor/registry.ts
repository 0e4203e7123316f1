import type { RegistryAccess } from "../../registry/access";
import { registryProblem } from "../../registry/check";
import type { CheckResult, Subject } from "./check";

/** Whether the registry answers and takes the login, asked as `pulumi up` asks it first. */
export async function checkRegistry(subject: Subject): Promise<CheckResult> {
    // It brings the Pulumi SDK with it, which takes a second to load.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is needed
    const { registryOf } = require("../../components/settings") as typeof import("../../components/settings");
    const external = registryOf(subject.settings);
    return external === undefined ? checkOwn(subject) : checkExternal(external, subject);
}

async function checkOwn({ settings, containers }: Subject): Promise<CheckResult> {
    const name = "registry";
    if (containers.length === 0) {
        return { name, found: "the cluster's own, not there yet", wrong: [] };
    }
    const address = `localhost:${settings.registryPort}`;
    const problem = await registryProblem({ address, insecure: true });
    return { name, found: address, wrong: problem === undefined ? [] : [{ ...problem, mend: "npm run up" }] };
}

async function checkExternal(access: RegistryAccess, { openSecret }: Subject): Promise<CheckResult> {
    const { address, credentials } = access;
    const login = credentials && (await openSecret("registryPassword"));
    const opened = login !== undefined && "answer" in login ? login.answer : undefined;
    const problem = await registryProblem({
        ...access,
        credentials:
            credentials && opened !== undefined ? { ...credentials, password: { reveal: () => opened } } : undefined,
    });
    // Not every machine can open the password; what there is to know without it is told all the same.
    const untried = login !== undefined && "why" in login ? login.why.split("\n")[0] : undefined;
    const user = credentials === undefined ? "" : ` as ${credentials.username}`;
    return {
        name: "registry",
        found: `${address}${user}${untried === undefined ? "" : ` (the login was not tried: ${untried})`}`,
        wrong: problem === undefined || (untried !== undefined && problem.wantsLogin === true) ? [] : [problem],
    };
}
