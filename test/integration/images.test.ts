/**
 * The images, built by Docker and run in containers of their own as strictly as the cluster runs them. NTA_TEST_SOURCE: path
 * of another numenta-apps tree than the sample.
 */
import * as assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";

import { layOutContext } from "../../components/images/build-context";
import { ImageName, ImageRecipe, imageRecipes } from "../../components/images/catalog";
import { hostCertificates } from "../../components/images/host-certificates";
import { contextParts } from "../../components/images/images";
import { baseTag, ensureDebianBase } from "../../images/base/debian-base";
import releases from "../../images/base/releases.json";
import { eventually, TaurusClient, waveWithSpike } from "../e2e/taurus-client";

const run = promisify(execFile);
const id = `nta-images-test-${randomBytes(4).toString("hex")}`;
const source = process.env["NTA_TEST_SOURCE"] ?? path.resolve(__dirname, "../../images/sample");
const certificates = hostCertificates();

async function docker(...args: string[]): Promise<string> {
    const { stdout, stderr } = await run("docker", args, {
        maxBuffer: 1 << 28,
        env: { ...process.env, DOCKER_BUILDKIT: "0" },
    });
    return (args[0] === "logs" ? stdout + stderr : stdout).trim();
}

const tagOf = (name: ImageRecipe["name"]) => `${id}/${name}:latest`;

function baseArguments({ base }: ImageRecipe): string[] {
    if (base === "scratch") {
        return [];
    }
    return [`--build-arg=BASE=${"debian" in base ? baseTag(base.debian) : tagOf(base.image)}`];
}

const container = (name: string) => `${id}-${name}`;

/** Starts a container without root and without any capability, as the cluster's "restricted" pods are. */
function start(image: ImageName, alias: string, ...options: string[]): Promise<string> {
    const restricted = ["--cap-drop=ALL", "--security-opt=no-new-privileges"];
    return docker(
        ...["run", "--detach", `--name=${container(alias)}`, `--network=${id}`, `--network-alias=${alias}`],
        ...[...restricted, ...options, tagOf(image)],
    );
}

function ready(alias: string, seconds: number): Promise<true> {
    return eventually(`${alias} is ready`, seconds, async () => {
        await docker("exec", container(alias), "/opt/nta/bin/ready");
        return true as const;
    });
}

describe("images", function () {
    this.timeout(40 * 60_000);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-images-"));

    before(async () => {
        for (const release of releases) {
            await ensureDebianBase({
                ...release,
                tag: baseTag(release.suite),
                architecture: "amd64",
                progress: () => undefined,
            });
        }
        for (const recipe of imageRecipes) {
            const context = path.join(folder, recipe.name);
            layOutContext(context, contextParts(recipe, source));
            const certificateArgs = recipe.downloads ? [`--build-arg=BUILD_CA=${certificates}`] : [];
            await docker(
                ...["build", "--quiet", "--platform=linux/amd64", ...baseArguments(recipe), ...certificateArgs],
                ...[`--tag=${tagOf(recipe.name)}`, `--file=${path.join(context, "files", "Dockerfile")}`, context],
            );
        }
        await docker("network", "create", id);
    });

    after(async () => {
        fs.rmSync(folder, { recursive: true, force: true });
        const names = (await docker("ps", "--all", "--quiet", `--filter=name=${id}`)).split("\n").filter(Boolean);
        if (names.length > 0) {
            await docker("rm", "--force", "--volumes", ...names);
        }
        await docker("network", "rm", id).catch(() => undefined);
        // Tags only: the layers stay in the engine's build cache.
        await docker("image", "rm", "--no-prune", ...imageRecipes.map(({ name }) => tagOf(name))).catch(
            () => undefined,
        );
    });

    describe("have nothing of the host's certificates", () => {
        /** One line of each certificate's body: 64 characters that nothing else has. */
        const needles = certificates
            .split("-----BEGIN CERTIFICATE-----")
            .slice(1)
            .map((text) => text.trim().split("\n")[2]);

        async function found(image: string): Promise<boolean> {
            const saved = spawn("docker", ["save", image], { stdio: ["ignore", "pipe", "inherit"] });
            let rest = "";
            let hit = false;
            for await (const chunk of saved.stdout) {
                const text = rest + (chunk as Buffer).toString("latin1");
                hit ||= needles.some((needle) => text.includes(needle));
                rest = text.slice(-64);
            }
            return hit;
        }

        it("the search finds a certificate that is there", async function () {
            if (needles.length === 0) {
                this.skip();
            }
            const context = path.join(folder, "leak");
            fs.mkdirSync(context);
            fs.writeFileSync(path.join(context, "leaked.pem"), certificates);
            fs.writeFileSync(path.join(context, "Dockerfile"), "FROM scratch\nCOPY leaked.pem /\n");
            const image = `${id}/leak:latest`;
            await docker("build", "--quiet", `--tag=${image}`, context);
            try {
                assert.equal(await found(image), true);
            } finally {
                await docker("image", "rm", image);
            }
        });

        // The last of the chain has the layers of all before it.
        for (const name of ["taurus", "taurus-dynamodb", "mysql", "rabbitmq"] as const) {
            it(name, async function () {
                if (needles.length === 0) {
                    this.skip();
                }
                assert.equal(await found(tagOf(name)), false);
                assert.doesNotMatch(await docker("history", "--no-trunc", tagOf(name)), /BUILD_CA|BEGIN CERTIFICATE/);
            });
        }
    });

    describe("together", () => {
        const mysqlPassword = 'it\'s \\ a "password"';
        const rabbitPassword = randomBytes(12).toString("hex");
        const apiKey = randomBytes(12).toString("hex");
        const metric = "images.proof";
        let uid: string;
        let client: TaurusClient;

        const environment = Object.entries({
            RABBITMQ_HOST: "rabbit",
            RABBITMQ_USER: "taurus",
            RABBITMQ_PASSWD: rabbitPassword,
            MYSQL_HOST: "mysql",
            MYSQL_USER: "root",
            // The application's own tools take no password with quotes.
            MYSQL_PASSWD: "appsecret",
            DYNAMODB_HOST: "dynamodb",
            DYNAMODB_PORT: "8300",
            DYNAMODB_TABLE_SUFFIX: ".local",
            DYNAMODB_EXTRAS: "--security-off",
            TAURUS_RMQ_METRIC_DEST: "127.0.0.1:2003",
            TAURUS_RMQ_METRIC_PREFIX: "taurus",
            TAURUS_API_KEY: apiKey,
            AWS_ACCESS_KEY_ID: "local",
            AWS_SECRET_ACCESS_KEY: "local",
            OBLITERATE_DATABASE: "",
            SSL_ORG_NAME: "Numenta",
            SSL_LOCALITY: "CA",
            SSL_DOMAIN_NAME: "localhost",
            SSL_ORGANIZATIONAL_UNIT_NAME: "Engineering",
            SSL_EMAIL_ADDRESS: "support@example.com",
        }).map(([name, value]) => `--env=${name}=${value}`);

        const sql = (statement: string, password = mysqlPassword) =>
            docker(
                ...["exec", "--env", `MYSQL_PWD=${password}`, container("mysql"), "mariadb", "--host=127.0.0.1"],
                ...["--user=root", "--batch", "--skip-column-names", `--execute=${statement}`],
            );

        const portOf = async (port: number) =>
            Number((await docker("port", container("taurus"), String(port))).split("\n")[0].split(":").at(-1));

        it("support services become ready, each by what it is for", async () => {
            await start("mysql", "mysql", `--env=MYSQL_ROOT_PASSWORD=${mysqlPassword}`);
            await start("rabbitmq", "rabbit", "--env=RABBITMQ_USER=taurus", `--env=RABBITMQ_PASSWD=${rabbitPassword}`);
            await start("taurus-dynamodb", "dynamodb");
            await Promise.all([ready("mysql", 90), ready("rabbit", 120), ready("dynamodb", 90)]);
        });

        it("MySQL lets nobody in without the password, and its probe knows", async () => {
            await assert.rejects(sql("SELECT 1", ""), /Access denied/);
            await assert.rejects(
                docker("exec", "--env=MYSQL_ROOT_PASSWORD=wrong", container("mysql"), "/opt/nta/bin/ready"),
                /Access denied/,
            );
            assert.equal(await sql("SELECT COUNT(*) FROM mysql.user WHERE user <> 'mariadb.sys'"), "1");
        });

        it("RabbitMQ's probe knows a wrong password", async () => {
            await assert.rejects(
                docker("exec", "--env=RABBITMQ_PASSWD=wrong", container("rabbit"), "/opt/nta/bin/ready"),
                /401/,
            );
        });

        it("MySQL refuses its first start without a password", async () => {
            await assert.rejects(
                docker("run", "--rm", `--name=${container("bare")}`, tagOf("mysql")),
                /set MYSQL_ROOT_PASSWORD/,
            );
        });

        it("migrations can be run twice", async () => {
            await sql("SET PASSWORD FOR 'root'@'%' = PASSWORD('appsecret')");
            for (const round of ["first", "second"]) {
                const said = await docker(
                    ...["run", "--rm", `--name=${container(round)}`, `--network=${id}`, ...environment],
                    ...["--cap-drop=ALL", "--security-opt=no-new-privileges", tagOf("taurus"), "/opt/nta/bin/migrate"],
                );
                assert.match(said, /migrate: done/);
            }
            assert.match(await sql("SHOW TABLES IN taurus", "appsecret"), /^metric\nmetric_data$/m);
        });

        it("the server becomes ready, and shows no secret in its log", async () => {
            await start("taurus", "taurus", ...environment, "--publish=127.0.0.1::443", "--publish=127.0.0.1::2003");
            await ready("taurus", 180);
            const log = await docker("logs", container("taurus"));
            for (const secret of [rabbitPassword, apiKey, "appsecret"]) {
                assert.ok(!log.includes(secret), "a secret is in the log");
            }
        });

        it("a spike is scored above 0.99, in MySQL and in DynamoDB", async () => {
            client = new TaurusClient({
                host: "127.0.0.1",
                httpsPort: await portOf(443),
                metricsPort: await portOf(2003),
                apiKey,
            });
            const samples = waveWithSpike(700, Math.floor(Date.now() / 1000));
            await client.sendSamples(metric, samples.slice(0, 20));
            await eventually("the metric is known", 60, async () =>
                (await client.customMetrics()).includes(metric) ? true : undefined,
            );
            uid = await client.createModel(metric, { min: 0, max: 400 });
            await client.sendSamples(metric, samples.slice(20));
            await eventually("the spike is scored", 240, async () =>
                (await client.records(uid)).find(({ value, anomalyScore }) => value === 390 && anomalyScore > 0.99),
            );
            const scored = `SELECT COUNT(*), MAX(anomaly_score) > 0.99 FROM taurus.metric_data WHERE uid = '${uid}'`;
            assert.equal(await sql(scored, "appsecret"), "700\t1");
            await eventually("the items are in DynamoDB", 60, async () =>
                (await itemsInDynamodb()) >= 600 ? true : undefined,
            );
        });

        async function itemsInDynamodb(): Promise<number> {
            const answer = await docker(
                ...["exec", container("dynamodb"), "curl", "--silent", "--fail", "http://127.0.0.1:8300/"],
                ...["--header", "Content-Type: application/x-amz-json-1.0"],
                ...["--header", "X-Amz-Target: DynamoDB_20120810.Scan"],
                "--header",
                "Authorization: AWS4-HMAC-SHA256 Credential=x/20000101/us-west-2/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
                ...["--data", JSON.stringify({ TableName: "taurus.metric_data.local", Select: "COUNT" })],
            );
            return (JSON.parse(answer) as { Count: number }).Count;
        }

        it("is not ready while RabbitMQ is down, and is again when it is back", async () => {
            await docker("stop", container("rabbit"));
            await eventually("the server says it is not ready", 60, () =>
                docker("exec", container("taurus"), "/opt/nta/bin/ready").then(
                    () => undefined,
                    () => true as const,
                ),
            );
            await docker("start", container("rabbit"));
            await ready("rabbit", 120);
            await ready("taurus", 180);
        });

        it("the server stops at once when it is told to, and goes on where it was", async () => {
            const began = Date.now();
            await docker("stop", "--time=30", container("taurus"));
            assert.ok(Date.now() - began < 25_000, "it was killed");
            assert.equal(await docker("inspect", "--format={{.State.ExitCode}}", container("taurus")), "0");
            await docker("start", container("taurus"));
            await ready("taurus", 180);
            client = new TaurusClient({
                host: "127.0.0.1",
                httpsPort: await portOf(443),
                metricsPort: await portOf(2003),
                apiKey,
            });
            await client.sendSamples(metric, [{ value: 100, unixtime: Math.floor(Date.now() / 1000) + 300 }]);
            await eventually("the next sample is scored", 120, async () =>
                (await client.records(uid)).find(({ rowid, anomalyScore }) => rowid === 701 && anomalyScore > 0),
            );
        });
    });
});
