import { SocketError } from '../../host/socket.ts'
import type { App, AppContext, Blocking, TcpSocket } from '../../host/socket.ts'
import { fixedSetting } from '../setting.ts'
import { readerKeys } from './key-ring.ts'
import { LetterDecoder } from './letter-format.ts'
import { open } from './seal.ts'

export interface LetterReaderOptions {
  /** Seed of the run: the keys of writer and reader follow from it. */
  readonly seed: number
  readonly port: number
}

const DEFAULTS: LetterReaderOptions = { seed: 0, port: 4000 }

/** Reads the letters that it is brought, and believes those in which it finds nothing wrong. */
export class LetterReader implements App {
  private readonly options: LetterReaderOptions

  constructor(options: Partial<LetterReaderOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const listener = context.sockets.listen(this.options.port)
    for (;;) context.spawn(this.read(context, yield* listener.accept()))
  }

  private *read({ environment }: AppContext, socket: TcpSocket): Blocking<void> {
    const keys = readerKeys(this.options.seed)
    const decoder = new LetterDecoder()
    const { connection } = socket
    let number = 0
    try {
      while (decoder.fault === undefined) {
        const bytes = yield* socket.read()
        if (bytes === undefined) return
        decoder.push(bytes)
        for (let letter = decoder.next(); letter !== undefined; letter = decoder.next()) {
          const { method, body } = letter
          const opened = open(method, body, keys)
          number++
          if ('text' in opened) environment.record('letter:accepted', connection, { number, method, text: opened.text })
          else environment.record('letter:refused', connection, { number, method, why: opened.why })
        }
      }
      environment.record('letter:illegible', connection, { detail: decoder.fault })
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      environment.record('letter:failed', connection, { error: error.code, detail: error.message })
    } finally {
      socket.close()
    }
  }

  configure(path: string): void {
    throw fixedSetting(path, [])
  }
}
