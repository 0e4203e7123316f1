import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, link, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { cacheDirectory, stateDirectory } from "./directories";

/** The variables that make `pulumi` use one home, one backend and one passphrase. */
export interface PulumiHome {
    /** PULUMI_HOME: plugins, logins, selected stacks. */
    home: string;
    /** Whether `home` is the user's, who has other projects in it. */
    isUsers: boolean;
    /** What to set; a name that is not in here is left as the user has it. */
    variables: Record<string, string>;
    /** The folder of the local state backend when it is ours. */
    backendFolder?: string;
}

/** What decides about the home; separate from the machine for the sake of tests. */
export interface HomeFacts {
    environment: NodeJS.ProcessEnv;
    state: string;
    /** The user's home folder. */
    userHome: string;
    /** Whether the engine was on the machine before. */
    engineIsUsers: boolean;
    /** Whether a Pulumi home holds a login. */
    loggedIn: (home: string) => boolean;
}

/**
 * Whose Pulumi home, backend and passphrase are used: the user's where there are such, otherwise ours. What
 * `source env` has set is ours too.
 */
export function choosePulumiHome({ environment, state, userHome, engineIsUsers, loggedIn }: HomeFacts): PulumiHome {
    const own = join(state, "pulumi");
    const variables: Record<string, string> = {
        // Without this, a stack of which the settings file is gone gets a new salt and can't read its own secrets.
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    };
    const given = environment.PULUMI_HOME;
    const usual = join(userHome, ".pulumi");
    const users =
        given !== undefined && given !== "" && given !== own
            ? given
            : engineIsUsers && loggedIn(usual)
              ? usual
              : undefined;
    const home = users ?? own;
    if (users === undefined) {
        variables.PULUMI_HOME = own;
        variables.PULUMI_SKIP_UPDATE_CHECK = "true";
    }
    const backendFolder = join(state, "backend");
    const ownBackend = `file://${backendFolder}`;
    const backend = environment.PULUMI_BACKEND_URL;
    const hasBackend =
        (backend !== undefined && backend !== "" && backend !== ownBackend) || (users !== undefined && loggedIn(users));
    if (!hasBackend) {
        variables.PULUMI_BACKEND_URL = ownBackend;
    }
    const passphraseFile = join(state, "passphrase");
    const givenFile = environment.PULUMI_CONFIG_PASSPHRASE_FILE;
    const hasPassphrase =
        environment.PULUMI_CONFIG_PASSPHRASE !== undefined ||
        (givenFile !== undefined && givenFile !== "" && givenFile !== passphraseFile);
    if (!hasPassphrase) {
        variables.PULUMI_CONFIG_PASSPHRASE_FILE = passphraseFile;
    }
    return { home, isUsers: users !== undefined, variables, ...(hasBackend ? {} : { backendFolder }) };
}

/** Whether there is a login in this Pulumi home. */
export function isLoggedIn(home: string): boolean {
    try {
        const { current } = JSON.parse(readFileSync(join(home, "credentials.json"), "utf8")) as { current?: string };
        return current !== undefined && current !== "";
    } catch {
        return false;
    }
}

/** Chooses the home for this process and makes what belongs to ours: folders, and a passphrase that only its owner reads. */
export async function preparePulumiHome(engineIsUsers: boolean): Promise<PulumiHome> {
    const state = stateDirectory();
    const chosen = choosePulumiHome({
        environment: process.env,
        state,
        userHome: homedir(),
        engineIsUsers,
        loggedIn: isLoggedIn,
    });
    await mkdir(state, { recursive: true, mode: 0o700 });
    if (!chosen.isUsers) {
        await mkdir(join(chosen.home, "plugins"), { recursive: true });
    }
    if (chosen.backendFolder !== undefined) {
        await mkdir(chosen.backendFolder, { recursive: true, mode: 0o700 });
    }
    const passphrase = chosen.variables.PULUMI_CONFIG_PASSPHRASE_FILE;
    if (passphrase !== undefined) {
        await ensurePassphrase(passphrase);
    }
    return chosen;
}

/** Makes the file with a random passphrase, whole from its first moment, and keeps it from others' eyes. */
export async function ensurePassphrase(file: string): Promise<void> {
    if (!existsSync(file)) {
        const partial = `${file}.${process.pid}`;
        await writeFile(partial, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
        try {
            await link(partial, file);
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
                throw error;
            }
        } finally {
            await rm(partial);
        }
    }
    await chmod(file, 0o600);
}

/** The process environment in which `pulumi` and what it starts run. */
export function pulumiEnvironment(home: PulumiHome, stack?: string): NodeJS.ProcessEnv {
    const bin = join(cacheDirectory(), "bin");
    return {
        ...process.env,
        ...home.variables,
        ...(stack === undefined ? {} : { PULUMI_STACK: stack, NTA_STACK: stack }),
        NTA_CACHE: cacheDirectory(),
        NTA_STATE: stateDirectory(),
        PATH: `${bin}:${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
    };
}

/** A value as a word of a POSIX shell. */
export function shellQuote(value: string): string {
    return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Writes what `env` reads: the choices that only the tools can make. */
export async function writeEnvironmentFile(home: PulumiHome): Promise<void> {
    const file = join(stateDirectory(), "environment.sh");
    const lines = Object.entries(home.variables).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
    await writeFile(`${file}.${process.pid}`, `# Written by npm run up, read by env.\n${lines.join("\n")}\n`);
    await chmod(`${file}.${process.pid}`, 0o644);
    await rename(`${file}.${process.pid}`, file);
}
