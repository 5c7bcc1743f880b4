import { Argument, type Command } from 'commander';
import type { Output } from './output.ts';

/** Adds `kilohertz completion`. The scripts are made of the commands that the program has. */
export function addCompletion(program: Command, output: Output): void {
  program
    .command('completion')
    .description(
      'Prints a script that completes commands and options: source <(kilohertz completion bash)',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh']))
    .option('--json', 'print the result as JSON')
    .action((shell: 'bash' | 'zsh') => {
      const script = completionOf(program, shell);
      output.page({ shell, script }, [script]);
    });
}

/** What may follow the words of a command. */
interface Words {
  /** The command's names after the program's, for example `hand open`. */
  readonly path: string;
  readonly commands: readonly string[];
  readonly options: readonly string[];
  /** The values of options that have a fixed set, and of the first argument. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly first: readonly string[];
}

function completionOf(program: Command, shell: 'bash' | 'zsh'): string {
  const all = [...wordsOf(program, '')];
  const lines = all.map(({ path, commands, options }) => {
    const words = [...commands, ...options].join(' ');
    return `    '${path}') words='${words}' ;;`;
  });
  const values = all.flatMap(({ path, values, first }) => [
    ...[...values].map(
      ([option, named]) => `    '${path} ${option}') values='${named.join(' ')}' ;;`,
    ),
    ...(first.length > 0 ? [`    '${path} ${lastOf(path)}') values='${first.join(' ')}' ;;`] : []),
  ]);
  const paths = all.map(({ path }) => `'${path}'`).filter((path) => path !== "''");
  const name = program.name();
  const own = `# Completes ${name}. Made by \`${name} completion ${shell}\`.
_${name}() {
  local current previous path next words values index
  current="\${COMP_WORDS[COMP_CWORD]}"
  previous="\${COMP_WORDS[COMP_CWORD-1]}"
  path=''
  for (( index = 1; index < COMP_CWORD; index++ )); do
    next="\${path:+$path }\${COMP_WORDS[index]}"
    case "$next" in
      ${paths.join('|')}) path="$next" ;;
      *) break ;;
    esac
  done
  words=''
  values=''
  case "$path $previous" in
${values.join('\n')}
  esac
  if [[ -n "$values" ]]; then
    COMPREPLY=( $(compgen -W "$values" -- "$current") )
    return
  fi
  case "$path" in
${lines.join('\n')}
  esac
  # Where no word fits, names of files are completed.
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
}
complete -o default -F _${name} ${name}`;
  // zsh runs completions of bash.
  const before =
    'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n';
  return shell === 'bash' ? own : before + own;
}

function* wordsOf(command: Command, path: string): Generator<Words> {
  const help = command.createHelp();
  const options = help.visibleOptions(command);
  const commands = help.visibleCommands(command);
  const values = new Map<string, readonly string[]>();
  for (const { long, short, argChoices } of options) {
    for (const flag of [long, short]) if (flag && argChoices) values.set(flag, argChoices);
  }
  yield {
    path,
    commands: commands.map((each) => each.name()),
    options: options.flatMap(({ long, short }) => long ?? short ?? []),
    values,
    first: command.registeredArguments[0]?.argChoices ?? [],
  };
  for (const each of commands) {
    if (each.name() === 'help') continue;
    yield* wordsOf(each, path === '' ? each.name() : `${path} ${each.name()}`);
  }
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(' ') + 1);
}
