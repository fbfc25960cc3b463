import { randomBytesFrom, type RandomBytes } from '../../crypto/random-bytes.ts'
import { SocketError } from '../../host/socket.ts'
import type { App, AppContext, Blocking, TcpSocket } from '../../host/socket.ts'
import type { EventData } from '../../kernel/machine.ts'
import { LETTER_MISCHIEF, type LetterMischief } from '../../scenario/letter-method.ts'
import { choiceSetting, fixedSetting } from '../setting.ts'
import { handDecrypt, handKeyOf, trialDivision, type Factoring } from './hand-rsa.ts'
import { drawWriterKeys, publicKeys, type PublicKeys, type WriterKeys } from './key-ring.ts'
import { encodeLetter, LetterDecoder, textOf, type Letter } from './letter-format.ts'
import { openText, seal, SIGNATURE_LENGTH } from './seal.ts'

export interface LetterCarrierOptions {
  /** Seed of the run: the public keys of writer and reader follow from it, and nothing else is looked at. */
  readonly seed: number
  readonly port: number
  /** Whom to bring letters to: name or address. */
  readonly to: string
  readonly mischief: LetterMischief
  /** Words in letters, and what is put in their place. */
  readonly replace: Readonly<Record<string, string>>
  /** What a forged letter says. */
  readonly forgery: string
  /** How many divisions are tried on a modulus at most. */
  readonly divisions: number
}

const DEFAULTS: LetterCarrierOptions = {
  seed: 0,
  port: 4000,
  to: '',
  mischief: 'none',
  replace: {},
  forgery: '',
  divisions: 20_000,
}

type Tell = (name: string, data: EventData) => void

/**
 * A postman who is curious, and not honest. He has all public keys and as much time to calculate as he is given divisions, and reads what he
 * can. What he can read he may change, and pack again as well as he can; in what he cannot read he may flip a bit; or he may write
 * a letter himself and put it in the place of another.
 *
 * He does not try to replace public keys: these were handed over before, in person. Who has not met needs certificates for that.
 */
export class LetterCarrier implements App {
  private readonly options: { -readonly [Key in keyof LetterCarrierOptions]: LetterCarrierOptions[Key] }
  /** What came of trying to factor a modulus, by modulus. */
  private readonly tried = new Map<bigint, Factoring>()
  /** Keys of his own, for want of the writer's. */
  private own: WriterKeys | undefined

  constructor(options: Partial<LetterCarrierOptions>) {
    this.options = { ...DEFAULTS, ...options }
  }

  *main(context: AppContext): Blocking<void> {
    const listener = context.sockets.listen(this.options.port)
    for (;;) context.spawn(this.carry(context, yield* listener.accept()))
  }

  configure(path: string, value: unknown): void {
    if (path !== 'mischief') throw fixedSetting(path, ['mischief'])
    this.options.mischief = choiceSetting(path, value, LETTER_MISCHIEF)
  }

  /** Carries the letters of one connection. */
  private *carry(context: AppContext, from: TcpSocket): Blocking<void> {
    const { sockets, environment } = context
    const tell: Tell = (name, data) => {
      environment.record(name, from.connection, data)
    }
    const decoder = new LetterDecoder()
    let to: TcpSocket | undefined
    let number = 0
    try {
      const address = yield* sockets.resolve(this.options.to)
      to = yield* sockets.connect({ address, port: this.options.port }, { noDelay: true })
      while (decoder.fault === undefined) {
        const bytes = yield* from.read()
        if (bytes === undefined) return
        decoder.push(bytes)
        for (let letter = decoder.next(); letter !== undefined; letter = decoder.next()) {
          yield* to.write(encodeLetter(this.handled(context, letter, ++number, tell)))
        }
      }
      tell('letter:illegible', { detail: decoder.fault })
    } catch (error) {
      if (!(error instanceof SocketError)) throw error
      tell('letter:failed', { error: error.code, detail: error.message })
    } finally {
      from.close()
      to?.close()
    }
  }

  /** What is delivered in the place of a letter: itself, unless he is up to something. */
  private handled({ environment }: AppContext, letter: Letter, number: number, tell: Tell): Letter {
    const { method } = letter
    const { mischief, forgery, seed } = this.options
    const text = this.read(letter, number, tell)
    if (mischief === 'none') return letter
    const random = randomBytesFrom(environment.random('letters'))
    const keys = publicKeys(seed)
    this.own ??= drawWriterKeys(random)
    if (mischief === 'forge') {
      tell('letter:forged', { number, method, text: forgery })
      return { method, body: seal(method, forgery, keys, this.own, random) }
    }
    if (text === undefined) {
      tell('letter:changed', { number, method, how: 'a bit, blindly' })
      return { method, body: flipped(letter.body) }
    }
    const changed = this.edited(text)
    tell('letter:changed', { number, method, how: 'the text', text: changed })
    return { method, body: repacked(letter, changed, keys, this.own, random) }
  }

  /** Reads a letter, if it can be read without a key or with one that can be calculated. */
  private read(letter: Letter, number: number, tell: Tell): string | undefined {
    const { method, body } = letter
    const open = openText(method, body)
    if (open !== undefined) {
      tell('letter:read', { number, method, how: 'as it is', text: open })
      return open
    }
    const keys = publicKeys(this.options.seed)
    if (method === 'rsa-by-hand') {
      const { n } = keys.hand
      const factor = this.factor(BigInt(n), number, tell)
      const text = factor === undefined ? undefined : handDecrypt(handKeyOf(Number(factor), n / Number(factor)), textOf(body))
      if (text !== undefined) {
        tell('letter:read', { number, method, how: 'by factoring n', text })
        return text
      }
    } else if (method === 'rsa-2048') this.factor(keys.rsa.modulus, number, tell)
    tell('letter:unreadable', { number, method, bytes: body.length })
    return undefined
  }

  private factor(n: bigint, number: number, tell: Tell): bigint | undefined {
    let result = this.tried.get(n)
    if (result === undefined) this.tried.set(n, (result = trialDivision(n, this.options.divisions)))
    const { factor, divisions } = result
    const bits = n.toString(2).length
    if (factor === undefined) tell('letter:factoring-abandoned', { number, bits, divisions })
    else {
      const [p, q] = [Number(factor), Number(n / factor)]
      tell('letter:factored', { number, bits, n: Number(n), p, q, d: handKeyOf(p, q).d, divisions })
    }
    return factor
  }

  private edited(text: string): string {
    return Object.entries(this.options.replace).reduce((edited, [from, to]) => edited.split(from).join(to), text)
  }
}

/** The letter with a bit flipped in the middle. */
function flipped(body: Uint8Array): Uint8Array {
  const changed = new Uint8Array(body)
  if (changed.length > 0) changed[changed.length >> 1] ^= 1
  return changed
}

/** A changed text, packed as the letter was. A signature he cannot make: he leaves the old one, and hopes that nobody looks. */
function repacked({ method, body }: Letter, text: string, keys: PublicKeys, own: WriterKeys, random: RandomBytes): Uint8Array {
  const packed = seal(method, text, keys, own, random)
  if (method === 'signature') packed.set(body.subarray(body.length - SIGNATURE_LENGTH), packed.length - SIGNATURE_LENGTH)
  return packed
}
