// A simulated arm in a process of its own, so that what it takes of the system is not counted. It tells its address, takes
// faults, and ends with the channel.

import { FrankaSimulator, type SimulatorFault } from 'kilohertz';

/** A busy machine loses commands; that is not what is measured with it. */
const simulator = await FrankaSimulator.start({ lostPacketLimit: 10_000 });
process.on('message', (fault: SimulatorFault) => {
  simulator.inject(fault);
  process.send?.('injected');
});
process.on('disconnect', () => void simulator.stop());
process.send?.(simulator.address);
