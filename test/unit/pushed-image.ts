import type { Registration } from "../../tools/preview-diff/mock-engine";

export const imageType = "docker:index/image:Image";

/** What Docker's plugin answers for an image: its inputs, and the digest under which it is in the registry. */
export function pushed(
    { name, inputs }: Registration,
    repoDigest = `localhost:5000/${name}@sha256:0`,
): Record<string, unknown> {
    return { ...inputs, repoDigest };
}
