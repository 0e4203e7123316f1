import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Answer, get } from "./http-client";

/** The files of a small site, by their paths: each says which release it is of. */
export const siteFiles = (release: number): Record<string, string> => ({
    "index.html": `<!doctype html>
<title>release ${release}</title>
<link rel="stylesheet" href="style.css">
<script type="module" src="scripts/app.mjs"></script>
<a href="guide/">guide</a> <a href="/numbers.json">numbers</a>
`,
    "style.css": `/* release ${release} */\n`,
    "scripts/app.mjs": `// release ${release}\n`,
    "guide/index.html": `<!doctype html>\n<title>release ${release}</title>\n`,
    "numbers.json": `{ "made for": "release ${release}" }\n`,
    "notes.md": `# release ${release}\n`,
    ".password": `release ${release}\n`,
    ".git/config": `# release ${release}\n`,
});

/** Writes a release into the folder that is published, in place of the one that was there. */
export function writeSite(folder: string, release: number): void {
    for (const [name, text] of Object.entries(siteFiles(release))) {
        const file = path.join(folder, name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, text);
    }
}

/** What a page was found at after its redirections. */
export interface Page extends Answer {
    url: URL;
}

/** Reads an address as a browser does, redirections followed. */
export async function open(url: string | URL, referer?: URL): Promise<Page> {
    let at = new URL(url);
    for (let hops = 0; hops < 5; hops++) {
        const answer = await get(at, referer === undefined ? {} : { referer: referer.href });
        const { location } = answer.headers;
        if (location === undefined) {
            return { ...answer, url: at };
        }
        at = new URL(location, at);
    }
    throw new Error(`${String(url)} leads from one address to the next`);
}

/** The release that a file says it is of. */
function releaseOf({ status, body, url }: Page): string {
    const release = /release (\d+)/.exec(body.toString())?.[1];
    if (status !== 200 || release === undefined) {
        throw new Error(`${url.href}: status ${status}, ${JSON.stringify(body.toString().slice(0, 200))}`);
    }
    return release;
}

/** Someone who opens the site's page and then all that it links to, again and again. */
export class Reader {
    /** How many visits saw each release; `1 and 2` for one that saw a mix. */
    readonly visits = new Map<string, number>();
    readonly failures: string[] = [];
    private stopped = false;
    private readonly ended: Promise<void>;

    constructor(private readonly url: string) {
        this.ended = this.read();
    }

    private async read(): Promise<void> {
        while (!this.stopped) {
            try {
                const seen = [...(await this.visit())].sort().join(" and ");
                this.visits.set(seen, (this.visits.get(seen) ?? 0) + 1);
            } catch (error) {
                this.failures.push((error as Error).message);
            }
            await sleep(50);
        }
    }

    private async visit(): Promise<Set<string>> {
        const page = await open(this.url);
        const seen = new Set([releaseOf(page)]);
        const links = [...page.body.toString().matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link]) => link);
        if (links.length !== 4) {
            throw new Error(`the page has ${links.length} links`);
        }
        for (const link of links) {
            seen.add(releaseOf(await open(new URL(link, page.url), page.url)));
        }
        return seen;
    }

    async stop(): Promise<void> {
        this.stopped = true;
        await this.ended;
    }
}
