import { TCP_LIMITS, tcpConfig, type TcpConfig } from '../protocols/tcp/config.ts'

type Settings = Readonly<Record<string, unknown>>

/** By the settings as they are written: hosts of a crowd have the very same ones, and share what follows from them. */
const known = new WeakMap<Settings, TcpSettings>()

/** What a host's settings of TCP come to. */
export class TcpSettings {
  /** Whatever the way. */
  readonly common: TcpConfig
  /** When the settings say; otherwise the layer's own holds, which a router may have told (RFC 4861 section 6.3.4). */
  readonly timeToLive: number | undefined
  /** By the room for a segment. */
  private readonly configs = new Map<number, TcpConfig>()

  private constructor(private readonly written: Settings) {
    this.common = tcpConfig(written)
    this.timeToLive = 'timeToLive' in written ? this.common.timeToLive : undefined
  }

  /**
   * @param written by their names in `TcpConfig`; must not change afterwards
   * @throws TcpConfigError
   */
  static of(written: Settings): TcpSettings {
    let settings = known.get(written)
    if (settings === undefined) known.set(written, (settings = new TcpSettings(written)))
    return settings
  }

  /**
   * The same with another setting.
   * @throws TcpConfigError
   */
  with(name: string, value: unknown): TcpSettings {
    return new TcpSettings({ ...this.written, [name]: value })
  }

  /** @param room for a segment without options, in bytes */
  fitting(room: number): TcpConfig {
    let config = this.configs.get(room)
    if (config === undefined) {
      const [least, most] = TCP_LIMITS.mss
      const fitting = Math.min(most, Math.max(least, room))
      const { mss } = this.written
      config = tcpConfig({ ...this.written, mss: typeof mss === 'number' ? Math.min(mss, fitting) : fitting })
      this.configs.set(room, config)
    }
    return config
  }
}
