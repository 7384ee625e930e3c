/** The program of the thread in which large blocks are made. */
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { answerInThread } from "../../base/threads.ts";
import { type BlockOrder, makeBlock } from "./block-making.ts";

await answerInThread((order: BlockOrder) => makeBlock(order, systemDisk, systemClock));
