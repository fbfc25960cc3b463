import type { IpAddress } from '../wire/address.ts'
import { FastOpenCookies } from '../protocols/tcp/fast-open.ts'
import { addressWords, KeyedHash } from '../protocols/tcp/keyed-hash.ts'
import { SynCookies } from '../protocols/tcp/syn-cookie.ts'
import type { Environment } from '../kernel/machine.ts'
import type { SocketAddress } from './socket.ts'

/** The clock of initial sequence numbers ticks each 64 ns, as in Linux; RFC 9293 section 3.4.1 asks for about 4 µs. */
const ISN_TICK = 64

/** What only this host can compute: the keys are drawn once a boot, from the seed. */
export class TcpSecrets {
  private isnHash: KeyedHash | undefined = undefined
  private cookies: SynCookies | undefined = undefined
  private fastOpen: FastOpenCookies | undefined = undefined

  constructor(private readonly environment: Environment) {}

  private drawing(purpose: string): () => number {
    const random = this.environment.random(purpose)
    return () => random.uint32()
  }

  /** RFC 9293 section 3.4.1 and RFC 6528 section 3: a clock, plus a function of the tuple that nobody else can compute. */
  initialSequenceNumber(local: SocketAddress, remote: SocketAddress): number {
    const words = [...addressWords(local.address), ...addressWords(remote.address), (local.port << 16) | remote.port]
    this.isnHash ??= new KeyedHash(this.drawing('tcp-isn'))
    return (this.isnHash.update(words) + Math.floor(this.environment.now / ISN_TICK)) >>> 0
  }

  /** Of listeners whose SYN queue is full. */
  get synCookies(): SynCookies {
    this.cookies ??= new SynCookies(this.drawing('tcp-syn-cookie'))
    return this.cookies
  }

  /** The cookie of a client for Fast Open. */
  fastOpenCookie(client: IpAddress): Uint8Array {
    return this.fastOpenCookies.cookieFor(client)
  }

  isFastOpenCookie(cookie: Uint8Array, client: IpAddress): boolean {
    return this.fastOpenCookies.isRight(cookie, client)
  }

  private get fastOpenCookies(): FastOpenCookies {
    this.fastOpen ??= new FastOpenCookies(this.drawing('tcp-fast-open'))
    return this.fastOpen
  }
}
