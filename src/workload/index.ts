/** The workloads: a new one is a file here and a line below. */

import { bootStorm } from "./boot-storm.js";
import { dirtyLog } from "./dirty-log.js";
import { kvmPageTableTest } from "./kvm-page-table-test.js";
import type { Workload } from "./workload.js";

export const workloads: readonly Workload[] = [kvmPageTableTest, dirtyLog, bootStorm];
