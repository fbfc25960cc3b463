import { randomBytesFrom } from '../../crypto/random-bytes.ts'
import { SocketError } from '../../host/socket.ts'
import type { App, AppContext, Blocking } from '../../host/socket.ts'
import type { Nanos } from '../../kernel/time.ts'
import type { LetterMethod } from '../../scenario/letter-method.ts'
import { fixedSetting } from '../setting.ts'
import { publicKeys, writerKeys } from './key-ring.ts'
import { encodeLetter } from './letter-format.ts'
import { handPower } from './hand-rsa.ts'
import { seal } from './seal.ts'

export interface LetterWriterOptions {
  /** Seed of the run: the keys of writer and reader follow from it. */
  readonly seed: number
  /** Whom to give the letters to: name or address. */
  readonly to: string
  readonly port: number
  readonly text: string
  /** One letter by each. */
  readonly methods: readonly LetterMethod[]
  /** From one letter to the next. */
  readonly interval: Nanos
}

const DEFAULTS: LetterWriterOptions = { seed: 0, to: '', port: 4000, text: '', methods: ['plain'], interval: 300_000_000 }

/** Writes the same letter over and over, packed in another way each time, and gives it to whoever carries it. */
export class LetterWriter implements App {
  private readonly options: LetterWriterOptions

  constructor(options: Partial<LetterWriterOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const { sockets, environment } = context
    const { to, port, methods, interval } = this.options
    let connection = ''
    try {
      const address = yield* sockets.resolve(to)
      const socket = yield* sockets.connect({ address, port }, { noDelay: true })
      connection = socket.connection
      for (const [index, method] of methods.entries()) {
        if (index > 0) yield* context.sleep(interval)
        yield* socket.write(this.written(context, method, index + 1, connection))
      }
      socket.close()
      yield* socket.closed()
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('letter:failed', connection, { error: error.code, detail: error.message })
    }
  }

  private written({ environment }: AppContext, method: LetterMethod, number: number, connection: string): Uint8Array {
    const { seed, text } = this.options
    const keys = publicKeys(seed)
    const body = seal(method, text, keys, writerKeys(seed), randomBytesFrom(environment.random('letters')))
    if (method === 'rsa-by-hand') {
      const { n, e } = keys.hand
      const first = text.charCodeAt(0)
      const sum = `${String(first)}^${String(e)} mod ${String(n)} = ${String(handPower(first, e, n))}`
      environment.record('letter:calculated', connection, { number, n, e, character: text.charAt(0), sum })
    }
    environment.record('letter:sent', connection, { number, method, text, characters: text.length, bytes: body.length })
    return encodeLetter({ method, body })
  }

  configure(path: string): void {
    throw fixedSetting(path, [])
  }
}
