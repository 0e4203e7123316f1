import { stop } from "../machine/power";
import { presentStack } from "./present-stack";
import { runMain } from "./problem";
import { project } from "./stack";

runMain(() => stop(`${project}-${presentStack()}`));
