import * as net from "node:net";

interface Message {
    seq: number;
    type: "request" | "response" | "event";
    command?: string;
    event?: string;
    request_seq?: number;
    success?: boolean;
    message?: string;
    body?: Record<string, unknown>;
}

/** A debugger of one session, as an editor is one: speaks the Debug Adapter Protocol over TCP. */
export class DebuggerClient {
    private sequence = 0;
    private received = Buffer.alloc(0);
    private readonly messages: Message[] = [];
    private readonly waiting: { wanted: (message: Message) => boolean; found: (message: Message) => void }[] = [];

    private constructor(private readonly socket: net.Socket) {
        socket.on("data", (chunk) => {
            this.received = Buffer.concat([this.received, chunk]);
            for (let message = this.take(); message !== undefined; message = this.take()) {
                const taker = this.waiting.findIndex(({ wanted }) => wanted(message as Message));
                if (taker < 0) {
                    this.messages.push(message);
                } else {
                    this.waiting.splice(taker, 1)[0].found(message);
                }
            }
        });
    }

    static connect(port: number): Promise<DebuggerClient> {
        return new Promise((resolve, reject) => {
            const socket = net.connect(port, "127.0.0.1", () => resolve(new DebuggerClient(socket)));
            socket.once("error", reject);
        });
    }

    private take(): Message | undefined {
        const end = this.received.indexOf("\r\n\r\n");
        const length = Number(
            /Content-Length: (\d+)/.exec(this.received.subarray(0, Math.max(end, 0)).toString())?.[1],
        );
        if (end < 0 || this.received.length < end + 4 + length) {
            return undefined;
        }
        const text = this.received.subarray(end + 4, end + 4 + length).toString();
        this.received = this.received.subarray(end + 4 + length);
        return JSON.parse(text) as Message;
    }

    private next(what: string, wanted: (message: Message) => boolean): Promise<Message> {
        const there = this.messages.findIndex(wanted);
        if (there >= 0) {
            return Promise.resolve(this.messages.splice(there, 1)[0]);
        }
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`no ${what} from the debugged program in 60 s`)), 60_000);
            this.waiting.push({
                wanted,
                found: (message) => {
                    clearTimeout(timer);
                    resolve(message);
                },
            });
        });
    }

    /** The body of the next event of that name. */
    async event(name: string): Promise<Record<string, unknown>> {
        const message = await this.next(`event ${name}`, ({ type, event }) => type === "event" && event === name);
        return message.body ?? {};
    }

    /** Sends a request. Rejects when it is not answered with success. */
    async request(command: string, args: object = {}): Promise<Record<string, unknown>> {
        const seq = ++this.sequence;
        const text = JSON.stringify({ seq, type: "request", command, arguments: args });
        this.socket.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
        const answer = await this.next(`answer to ${command}`, ({ request_seq: to }) => to === seq);
        if (answer.success !== true) {
            throw new Error(`${command}: ${answer.message ?? JSON.stringify(answer.body)}`);
        }
        return answer.body ?? {};
    }

    /** Attaches, and resolves when the program has stopped at that line of its file. */
    async stopAt(path: string, line: number): Promise<{ thread: number; frame: number }> {
        await this.request("initialize", { adapterID: "e2e", pathFormat: "path" });
        const attached = this.request("attach", { justMyCode: false });
        await this.event("initialized");
        await this.request("setBreakpoints", { source: { path }, breakpoints: [{ line }] });
        await this.request("configurationDone");
        await attached;
        const { threadId, reason } = await this.event("stopped");
        if (reason !== "breakpoint") {
            throw new Error(`stopped for another reason than the breakpoint: ${String(reason)}`);
        }
        const { stackFrames } = await this.request("stackTrace", { threadId });
        const [frame] = stackFrames as { id: number }[];
        return { thread: threadId as number, frame: frame.id };
    }

    /** The value of an expression in a frame, as Python shows it. */
    async evaluate(expression: string, frameId: number): Promise<string> {
        return (await this.request("evaluate", { expression, frameId, context: "repl" })).result as string;
    }

    close(): void {
        this.socket.destroy();
    }
}
