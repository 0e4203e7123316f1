import type { ExecuteOptions, Nodes } from "../../machine/nodes";
import type { Result } from "../../machine/process";

/** Machines that are as they should be, and note what they are asked to do. */
export abstract class IdleNodes implements Nodes {
    readonly pollMilliseconds = 0;
    readonly patience: number = 1;
    readonly done: string[] = [];

    abstract execute(node: string, script: string, options?: ExecuteOptions): Promise<Result>;

    converge(): Promise<Map<string, Date>> {
        return Promise.resolve(new Map());
    }

    failure(): Promise<undefined> {
        return Promise.resolve(undefined);
    }

    settled(): Promise<void> {
        return Promise.resolve();
    }

    halt(): Promise<void> {
        return Promise.resolve();
    }

    surplus(): Promise<string[]> {
        return Promise.resolve([]);
    }

    remove(node: string): Promise<void> {
        this.done.push(`remove ${node}`);
        return Promise.resolve();
    }
}
