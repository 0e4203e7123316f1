import { imageNames, type ImageName, isImageName } from "../../components/images/catalog";
import { nearest } from "../../components/settings/nearest";
import { Problem } from "../../tools/problem";

/** Applications of several images: what each needs to run on a machine without a cluster. */
const applications: Readonly<Record<string, readonly ImageName[]>> = {
    taurus: ["taurus", "mysql", "rabbitmq", "taurus-dynamodb"],
};

/**
 * The images of an application, or the one image of that name.
 *
 * @throws Problem that names the nearest, if there is neither.
 */
export function imagesOf(name: string): readonly ImageName[] {
    const images = applications[name] ?? (isImageName(name) ? [name] : undefined);
    if (images === undefined) {
        const meant = nearest(name, imageNames);
        throw new Problem(
            `There is no image "${name}". ${meant === undefined ? `There are: ${imageNames.join(", ")}.` : `Perhaps ${meant}?`}`,
            2,
        );
    }
    return images;
}

/** The name by which an exported image is found after it was loaded: its digest's first digits tell versions apart. */
export function exportedName(name: ImageName, reference: string): string {
    const digest = /@sha256:([0-9a-f]{12})[0-9a-f]{52}$/.exec(reference)?.[1];
    if (digest === undefined) {
        throw new Problem(`The stack's image ${name}, ${reference}, has no digest: run \`npm run up\` first.`);
    }
    return `nta/${name}:${digest}`;
}
