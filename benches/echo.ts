// The echoing end of a bare echo, in a Node process: its argument is the number of a descriptor.

import { endWithParent } from '../lib/native/binding.ts';
import { NativeEcho } from './echo-addon.ts';

endWithParent(process.ppid);
const echo = NativeEcho.join(Number(process.argv[2]));
for (;;) if (echo.hear()) echo.answer();
