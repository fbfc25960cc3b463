import { Command, CommanderError, Option } from 'commander'
import { bridgeCommand, readTap } from './bridge-command.ts'
import { ExitCode, UsageError } from './context.ts'
import { alignRows } from './report.ts'
import { runCommand } from './run-command.ts'
import { sweepCommand } from './sweep-command.ts'
import { readJson, within } from './source-file.ts'
import { ScenarioError } from '../scenario/errors.ts'
import { scenarioJsonSchema } from '../scenario/json-schema.ts'
import { resolveScenario } from '../scenario/resolve.ts'
import { scenarioFileSchema } from '../scenario/schema.ts'
import { check, copyPlain } from '../scenario/validation.ts'
import type { Place } from './attachment.ts'
import type { BridgeOptions } from './bridge-command.ts'
import type { CliContext } from './context.ts'
import type { RunOptions } from './run-command.ts'
import type { SweepOptions } from './sweep-command.ts'

/**
 * The command line: reads arguments, does what they ask, prints what came of it.
 * @param args without the program's own name
 * @returns the exit code of the process
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.Done
  const program = createProgram(context, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has written its message, or the help that was asked for, already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Unusable
    if (error instanceof UsageError || error instanceof ScenarioError) {
      context.err(`packetarium: ${error.message}\n`)
      return ExitCode.Unusable
    }
    throw error
  }
}

function createProgram(context: CliContext, exitWith: (code: ExitCode) => void): Command {
  const program = new Command('packetarium')
    .description('Runs networks of real packets on simulated time.')
    .version(context.version)
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 a claim failed, 2 bad usage or invalid scenario, 3 the run went over its budget.\n',
    )

  program
    .command('list')
    .description('list the scenarios')
    .option('--json', 'as one JSON list')
    .action(({ json }: { json?: boolean }) => {
      context.out(json === true ? listAsJson(context) : listForPeople(context))
    })

  program
    .command('run')
    .description('run a scenario of the list, or of a file')
    .argument('<id | file.json>', 'a name from the list, or a scenario file')
    .option('--seed <n>', 'another seed than the scenario’s')
    .addOption(setOption())
    .option('--interventions <file.json>', 'what is done to the run, and when')
    .option('--until <time>', 'end there instead of at the scenario’s duration: "10 s"')
    .option('--pcap <out.pcapng>', 'write the capture')
    .option('--capture <what>', CAPTURE_WORDS, 'links')
    .option('--keys <out.keys>', 'write the secrets of TLS as an NSS key log; the capture has them, too')
    .option('--events <out.jsonl>', 'write all events, one JSON object a line')
    .option('--qlog <folder>', 'write what each end of each connection of QUIC saw as qlog files, which qvis opens')
    .addOption(new Option('--placement <where>', 'where hosts run').choices(['inline', 'workers']).default('inline'))
    .option('--max-wall <time>', 'budget of real time', '60 s')
    .option('--max-frames <n>', 'budget of frames', '20000000')
    .option('--json', 'print one JSON object')
    .action(async (argument: string, options: RunOptions) => {
      exitWith(await runCommand(argument, options, context))
    })

  program
    .command('sweep')
    .description('run a scenario over values of its knobs, with many seeds each, and measure')
    .argument('<id | file.json>', 'a name from the list, or a scenario file')
    .addOption(setOption('--set <knob=value,…>', 'values of a knob (repeatable): --set loss=0%,1%,2%'))
    .option('--seeds <n>', 'how many seeds, from 1', '20')
    .addOption(
      repeatable(
        '--measure <event.field@host>',
        'what is read off the first such event; without a field, its time in nanoseconds',
      ),
    )
    .option('--csv <out.csv>', 'write the table as CSV rather than print it')
    .option('--max-wall <time>', 'budget of real time for each run', '60 s')
    .action(async (argument: string, options: SweepOptions) => {
      exitWith(await sweepCommand(argument, options, context))
    })

  const places: Place[] = []
  program
    .command('bridge')
    .description('run a scenario in real time, with the outside in the place of a host')
    .argument('<id | file.json>', 'a name from the list, or a scenario file')
    .requiredOption('--attach <host>', 'the host that is taken out')
    .addOption(placeOption('--tap <namespace/if>', 'a TAP interface to make (Linux, as root)', places, readTap))
    .addOption(
      placeOption('--socket <path>', 'a unix socket: 4 bytes of length, big-endian, and the frame', places, (path) => ({
        kind: 'socket',
        path,
      })),
    )
    .option('--configure', 'give the TAP interface its addresses and routes, and set it up')
    .option('--seed <n>', 'another seed than the scenario’s')
    .addOption(setOption())
    .option('--interventions <file.json>', 'what is done to the run, and when')
    .option('--until <time>', 'end there instead of at a signal: "10 s"')
    .option('--pcap <out.pcapng>', 'write the capture')
    .option('--capture <what>', `${CAPTURE_WORDS} (default: what the outside saw)`)
    .option('--keys <out.keys>', 'write the secrets of TLS as an NSS key log; the capture has them, too')
    .option('--ca <out.pem>', 'write the certificate of the authority that servers here are certified by')
    .option('--events <out.jsonl>', 'write all events, one JSON object a line')
    .addHelpText('after', BRIDGE_HELP)
    .action(async (argument: string, options: BridgeOptions) => {
      exitWith(await bridgeCommand(argument, places, options, context))
    })

  program
    .command('validate')
    .description('check a scenario file')
    .argument('<file.json>', 'a scenario file')
    .action(async (path: string) => {
      const source = await readJson(path, context)
      context.out(`${path}: ${within(path, () => describeValid(source))}\n`)
    })

  program
    .command('schema')
    .description('print the JSON Schema of scenario files')
    .action(() => {
      context.out(`${JSON.stringify(scenarioJsonSchema(), undefined, 2)}\n`)
    })

  return program
}

const CAPTURE_WORDS =
  'what is captured: "host:NAME" what one host saw; "links" every link, of payload that comes again the headers; "links:whole" all of it'

const BRIDGE_HELP = `
A line of JSON says what the outside must take on; its interface is the host's. Simulated time begins when somebody is there: the TAP
interface is set up, or a peer is on the socket. It ends at SIGINT or SIGTERM, or when the outside leaves, with the run's summary as a
line of JSON. What cannot keep up with real time is told on standard error, as {"late": …}.
`

/** Each may be given several times, for a host on several links. */
function placeOption(flags: string, description: string, places: Place[], read: (text: string) => Place): Option {
  return new Option(flags, `${description}; one for each link of the host`).argParser((text) => {
    places.push(read(text))
    return text
  })
}

function setOption(flags = '--set <knob=value>', words = 'put a knob elsewhere (repeatable): --set loss=2%'): Option {
  return repeatable(flags, words)
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, before: string[]) => [...before, value]).default([])
}

function listAsJson({ catalog }: CliContext): string {
  return `${JSON.stringify(Object.entries(catalog).map(([id, { title, summary }]) => ({ id, title, summary })))}\n`
}

function listForPeople({ catalog }: CliContext): string {
  const rows = Object.entries(catalog).map(([id, { title }]): [string, string] => [id, title])
  return `${alignRows(rows).join('\n')}\n`
}

function describeValid(source: unknown): string {
  check(scenarioFileSchema, copyPlain(source))
  const { id, hosts, links, knobs } = resolveScenario(source)
  const parts = [
    count(hosts.length, 'host'),
    count(links.length, 'link'),
    ...(knobs.length === 0 ? [] : [count(knobs.length, 'knob')]),
  ]
  return `valid: ${id}, ${parts.join(', ')}`
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`
}
