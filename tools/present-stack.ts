import { homedir } from "node:os";
import { findProgram } from "./command";
import { cacheDirectory, stateDirectory } from "./directories";
import { Problem } from "./problem";
import { choosePulumiHome, isLoggedIn, type PulumiHome } from "./pulumi-home";
import { chooseStack } from "./stack";

/** The Pulumi home that this process and its environment mean. */
export function presentHome(): PulumiHome {
    return choosePulumiHome({
        environment: process.env,
        state: stateDirectory(),
        userHome: homedir(),
        engineIsUsers: findProgram("pulumi", process.env.PATH, cacheDirectory()) !== undefined,
        loggedIn: isLoggedIn,
    });
}

/** The stack that is meant, as far as it can be known without an engine. */
export function presentStack(): string {
    const home = presentHome();
    const stack = chooseStack(process.env, home.home, home.variables.PULUMI_BACKEND_URL);
    if (!/^[a-z0-9]([a-z0-9-]{0,36}[a-z0-9])?$/.test(stack)) {
        throw new Problem(
            `"${stack}" can't be the stack's name here, because the machine is named after it: ` +
                "lower-case letters, digits and hyphens, at most 38. Set NTA_STACK to another one.",
        );
    }
    return stack;
}
