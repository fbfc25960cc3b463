import { byteText } from '../../wire/resp-buffer.ts'
import { textBytes } from '../../wire/resp-request.ts'
import { KEY_COMMANDS } from './key-commands.ts'
import type { Keyspace } from './keyspace.ts'
import type { Caller, DataCommand, DataServer } from './redis-command.ts'
import { CommandError } from './redis-reply.ts'
import { STREAM_COMMANDS } from './stream-commands.ts'
import { formatId, GREATEST_ID, LEAST_ID, StreamValue } from './stream-value.ts'
import { STRING_COMMANDS } from './string-commands.ts'

/** Who calls the commands of a log. */
class LogReader implements Caller {
  database = 0
  readonly protocol = 2

  constructor(private readonly server: DataServer) {}

  get keyspace(): Keyspace {
    return this.server.databases[this.database]
  }

  /** Throws CommandError. */
  repeat(commands: ReadonlyMap<string, DataCommand>, words: readonly Uint8Array[]): void {
    const name = byteText(words[0]).toLowerCase()
    const command = commands.get(name)
    const index = Number(words.length === 2 ? byteText(words[1]) : NaN)
    if (name === 'select' && Object.hasOwn(this.server.databases, index)) this.database = index
    else if (command === undefined) throw new CommandError('ERR no command for a log')
    else command.run({ server: this.server, session: this, words })
  }
}

/**
 * Does again what a log says.
 * @returns how many of its commands were refused: of a log that was written here, none
 */
export function replayLog(server: DataServer, commands: readonly (readonly Uint8Array[])[]): number {
  const table = new Map([STRING_COMMANDS, KEY_COMMANDS, STREAM_COMMANDS].flat().map((command) => [command.name, command]))
  const reader = new LogReader(server)
  let refused = 0
  for (const words of commands) {
    try {
      reader.repeat(table, words)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      refused++
    }
  }
  return refused
}

/** The commands that make what a key has. */
function commandsOf(key: string, keyspace: Keyspace): Uint8Array[][] {
  const value = keyspace.get(key)
  const expires = keyspace.expiryOf(key) ?? 0
  const name = textBytes(key)
  if (value === undefined) return []
  if (!(value instanceof StreamValue)) {
    const when = expires === 0 ? [] : [textBytes('PXAT'), textBytes(String(expires))]
    return [[textBytes('SET'), name, value, ...when]]
  }
  const entries = value
    .range(LEAST_ID, GREATEST_ID)
    .map(({ id, fields }) => [textBytes('XADD'), name, textBytes(formatId(id)), ...fields])
  // An empty stream is made by an entry that goes at once.
  const made = entries.length > 0 ? entries : [['XADD', 'MAXLEN', '0', '0-1', 'x', 'y'].map(textBytes).toSpliced(1, 0, name)]
  const last = [textBytes('XSETID'), name, textBytes(formatId(value.lastId))]
  return [...made, last, ...(expires === 0 ? [] : [[textBytes('PEXPIREAT'), name, textBytes(String(expires))]])]
}

/** The shortest log that makes the data, and the database that its last command is for; -1: it is empty. */
export function shortestLog(databases: readonly Keyspace[]): { readonly commands: Uint8Array[][]; readonly last: number } {
  const commands: Uint8Array[][] = []
  let last = -1
  databases.forEach((keyspace, index) => {
    const keys = keyspace.keys()
    if (keys.length === 0) return
    last = index
    commands.push(['SELECT', String(index)].map(textBytes))
    for (const key of keys) commands.push(...commandsOf(key, keyspace))
  })
  return { commands, last }
}
