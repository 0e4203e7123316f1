/** A problem that the user can act on: printed as one message, without a stack trace. */
export class MachineError extends Error {
    override name = "MachineError";
}
