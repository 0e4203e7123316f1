import * as command from "@pulumi/command/local";
import * as pulumi from "@pulumi/pulumi";

import { hostOf, type RegistryAccess } from "../../registry/access";
import { type RegistryProblem, registryProblem } from "../../registry/check";
import { digestReferences } from "../../registry/digests";
import type { DockerTrust } from "../../registry/docker-trust";

/** What is wrong with the registry that the settings name. Pulumi shows a RunError's text without a stack trace. */
export class RegistryError extends pulumi.RunError {
    constructor(address: string, { wrong, mend }: RegistryProblem) {
        super(`nta:registry is ${address}: ${wrong}.\n    mend: ${mend}`);
        this.name = "RegistryError";
    }
}

export interface ExternalRegistryArgs<Name extends string> {
    access: RegistryAccess;
    /** Images that are taken from it as they are there, with the tag `latest`. */
    pulled: readonly Name[];
    /** The Docker engine of this machine pushes to it, or pulls from it. */
    usedByDocker: boolean;
}

/** What the Docker engine of this machine has to be told of a registry; undefined where it needs nothing. */
export function trustOf(registry: RegistryAccess): DockerTrust | undefined {
    const host = hostOf(registry);
    if (registry.insecure) {
        return { host, insecure: true };
    }
    return registry.ca === undefined ? undefined : { host, ca: registry.ca };
}

/**
 * Asks the registry whether it takes the login, then for the digests of images.
 *
 * @returns `registry/name@sha256:…` of each.
 * @throws RegistryError that says what is wrong, or which images are missing, and what to do.
 */
async function lookUp<Name extends string>(
    registry: RegistryAccess,
    names: readonly Name[],
): Promise<Record<Name, string>> {
    if (!pulumi.runtime.hasEngine()) {
        // Tests and comparisons of programs, which reach for nothing outside.
        const entries = names.map((name) => [name, `${registry.address}/${name}@[digest in the registry]`]);
        return Object.fromEntries(entries) as Record<Name, string>;
    }
    // The time that it has to answer begins when the program is declared: until then nobody would hear the answer.
    await new Promise((resolve) => setImmediate(resolve));
    const problem = await registryProblem(registry);
    const found = problem === undefined ? await digestReferences(registry, names) : { problem };
    if ("problem" in found) {
        throw new RegistryError(registry.address, found.problem);
    }
    return found.references;
}

/**
 * A registry beside the cluster's own. It is asked in each run, in previews too, before anything is made; the Docker engine
 * of this machine is made to trust it.
 */
export class ExternalRegistry<Name extends string> extends pulumi.ComponentResource {
    readonly access: RegistryAccess;
    /** `host[:port][/path]`, as soon as the registry has answered, and Docker may push to it. */
    readonly address: pulumi.Output<string>;
    /** `registry/name@sha256:…` of the images that are pulled. */
    readonly images: Partial<Record<Name, pulumi.Output<string>>>;
    /** For `dependsOn` of what must not start while something is wrong with the registry. */
    readonly answered: Promise<pulumi.Resource[]>;

    constructor(name: string, args: ExternalRegistryArgs<Name>, options?: pulumi.ComponentResourceOptions) {
        super("nta:registry:ExternalRegistry", name, {}, options);
        const { access, pulled, usedByDocker } = args;
        this.access = access;
        const found = lookUp(access, pulled);
        this.answered = found.then(() => []);
        const images = pulled.map((image) => [image, pulumi.output(found.then((references) => references[image]))]);
        this.images = Object.fromEntries(images) as Partial<Record<Name, pulumi.Output<string>>>;
        const trust = usedByDocker ? trustOf(access) : undefined;
        const allowed = trust && this.dockerTrust(name, trust).urn;
        this.address = pulumi.all([found.then(() => access.address), allowed]).apply(([address]) => address);
        this.registerOutputs({ address: this.address });
    }

    private dockerTrust(name: string, trust: DockerTrust): pulumi.Resource {
        const action = (verb: string) => `node --require ts-node/register/transpile-only registry/main.ts ${verb}`;
        return new command.Command(
            `${name}-docker-trust`,
            {
                create: action("trust"),
                delete: action("forget"),
                stdin: JSON.stringify(trust),
                // Another registry's certificate has another place.
                triggers: [trust.host],
                addPreviousOutputInEnv: false,
            },
            { parent: this, dependsOn: this.answered },
        );
    }
}
