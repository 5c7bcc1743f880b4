import { type Command, Option } from 'commander';
import { FrankaHand, type HandState, widestOpening } from '../franka/hand.ts';
import { type ArmWords, armOptions, atArm, type Here } from './arm.ts';
import { number } from './numbers.ts';
import { EXIT, type Output } from './output.ts';
import { fixed } from './text.ts';

/** What commander makes of the words. */
interface Words extends ArmWords {
  readonly port?: number;
  readonly width?: number;
  readonly speed?: number;
  readonly force?: number;
}

/** Something that a hand does. */
interface Deed {
  readonly name: string;
  readonly description: string;
  /** What will happen, as the end of a sentence. */
  readonly said: (words: Words) => string;
  readonly options: readonly Option[];
  /** Resolves to false if the hand did not succeed. */
  readonly do: (hand: FrankaHand, words: Words, signal: AbortSignal) => Promise<boolean>;
  /** What is told if it did not. */
  readonly failed: string;
}

/** The object that `grasp` expects without `--width` may be of any width [m]. */
const ANY_M = { width: 0.05, epsilon: 0.05 } as const;

const WIDTH = '--width <metres>';
const SPEED = new Option('--speed <m/s>', 'how fast the opening changes (default: 0.1)').argParser(
  number,
);

const DEEDS: readonly Deed[] = [
  {
    name: 'open',
    description: 'Opens the fingers.',
    said: () => 'opens its fingers',
    options: [
      new Option(WIDTH, 'the opening (default: as wide as they go)').argParser(number),
      SPEED,
    ],
    do: async (hand, words, signal) => {
      const widest = widestOpening(await hand.state());
      return hand.move(words.width ?? widest, { ...speedOf(words), signal });
    },
    failed: 'something is in the way of the fingers',
  },
  {
    name: 'close',
    description: 'Closes the fingers, without a force. To hold something use grasp.',
    said: () => 'closes its fingers',
    options: [new Option(WIDTH, 'the opening (default: 0)').argParser(number), SPEED],
    do: (hand, words, signal) => hand.move(words.width ?? 0, { ...speedOf(words), signal }),
    failed: 'something is in the way of the fingers',
  },
  {
    name: 'grasp',
    description: 'Closes the fingers until they meet something, and presses.',
    said: ({ force = 20 }) => `closes its fingers and presses with ${force} N`,
    options: [
      new Option(WIDTH, 'how wide the object is (default: any width)').argParser(number),
      new Option('--force <newtons>', 'how hard the fingers press (default: 20)').argParser(number),
      SPEED,
    ],
    do: (hand, words, signal) => {
      const { width, force } = words;
      const any = { epsilonInnerM: ANY_M.epsilon, epsilonOuterM: ANY_M.epsilon };
      return hand.grasp(width ?? ANY_M.width, {
        ...speedOf(words),
        ...(width === undefined ? any : {}),
        ...(force === undefined ? {} : { forceN: force }),
        signal,
      });
    },
    failed: 'no object is held',
  },
  {
    name: 'home',
    description: 'Closes and opens the fingers, to measure how far they go.',
    said: () => 'closes and opens its fingers, as far as they go',
    options: [],
    do: (hand, _, signal) => hand.homing({ signal }),
    failed: 'the hand could not measure how far its fingers go',
  },
];

/** Adds `kilohertz hand` and the commands below it. */
export function addHand(program: Command, output: Output): void {
  const hand = program
    .command('hand')
    .description('Moves the Franka Hand: open, close, grasp, home; state prints its state.');
  const add = (name: string, description: string, options: readonly Option[], moves: boolean) => {
    const command = hand.command(name).description(description);
    for (const option of options) command.addOption(option);
    command.option('--port <number>', "the hand's TCP port (default: beside the arm's)", number);
    return armOptions(command, { moves });
  };
  for (const deed of DEEDS) {
    add(deed.name, deed.description, deed.options, true).action((words: Words) =>
      atArm(words, output, (here) => carryOut(deed, words, here, output)),
    );
  }
  add('state', "Prints the hand's state. Nothing moves.", [], false).action((words: Words) =>
    atArm(words, output, (here) =>
      withHand(here, words, async (hand) => {
        const state = await hand.state();
        output.done(state, [`the hand of ${here.name}`, ...stateText(state)]);
      }),
    ),
  );
}

async function carryOut(deed: Deed, words: Words, here: Here, output: Output): Promise<void> {
  await withHand(here, words, async (hand) => {
    await here.confirm([`The hand of the REAL ARM at ${here.address} ${deed.said(words)}.`]);
    using live = output.live();
    live.show(`the hand of ${here.name} ${deed.said(words)} …`);
    const isDone = await deed.do(hand, words, here.signal);
    live.clear();
    const state = await hand.state();
    const first = isDone ? `the hand of ${here.name} has done it` : deed.failed;
    output.done({ isDone, ...state }, [first, ...stateText(state)]);
    if (!isDone) process.exitCode = EXIT.failed;
  });
}

async function withHand(
  here: Here,
  { port }: Words,
  work: (hand: FrankaHand) => Promise<void>,
): Promise<void> {
  const { signal } = here;
  const where = port === undefined ? {} : { port };
  await using hand = await FrankaHand.connect(here.address, { signal, ...where });
  await work(hand);
}

function stateText({ widthM, maxWidthM, is_grasped, temperature }: HandState): string[] {
  return [
    `opening ${fixed(widthM * 1e3, 1)} mm, of ${fixed(maxWidthM * 1e3, 1)} mm`,
    is_grasped ? 'an object is held' : 'no object is held',
    `${fixed(temperature, 0)} degrees Celsius`,
  ];
}

function speedOf({ speed }: Words): { readonly speedMPerS?: number } {
  return speed === undefined ? {} : { speedMPerS: speed };
}
