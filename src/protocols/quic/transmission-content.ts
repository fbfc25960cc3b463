import { QUIC_ERROR_CODE } from '../../wire/quic/error-codes.ts'
import { controlFrameLength, writeControlFrame } from '../../wire/quic/frame-encoder.ts'
import type { ConnectionCloseFrame } from '../../wire/quic/frame.ts'
import type { ConnectionCore } from './connection-core.ts'
import type { PacketDraft } from './packet-draft.ts'
import type { Path } from './path.ts'
import { APPLICATION } from './recovery/packet-space.ts'
import type { PacketSpace } from './recovery/packet-space.ts'

/** Frames that go out as they are, and wait. */
const MOST_CONTROLS = 32

/** What there is to send, at each level, but for acknowledgments. */
export class TransmissionContent {
  constructor(private readonly core: ConnectionCore) {}

  /** Makes frames of what connection IDs owe. */
  prepare(): void {
    const { localIds, remoteIds, controls, keys } = this.core
    if (keys.application === undefined) return
    // What waits is made into frames only as some of them go out: a peer that retires IDs, and reads nothing, has no more of them waiting.
    while (localIds.hasFrame && controls.length < MOST_CONTROLS) {
      const frame = localIds.pollFrame()
      if (frame !== undefined) controls.push(frame)
    }
    while (remoteIds.hasFrame) {
      const sequence = remoteIds.pollRetired()
      if (sequence !== undefined) controls.push({ type: 'RETIRE_CONNECTION_ID', sequence })
    }
  }

  /** Whether a packet would have something to take along. */
  has(space: PacketSpace, path: Path): boolean {
    const { core } = this
    if (space !== APPLICATION) return core.handshake.streams[space].hasOutput
    const { isChallengeDue, hasAnswer } = path.validation
    return (
      core.streams.hasOutput ||
      core.controls.length > 0 ||
      core.datagrams.hasOutput ||
      core.wantsPing ||
      (core.keys.application !== undefined && (core.handshake.streams[APPLICATION].hasOutput || isChallengeDue || hasAnswer))
    )
  }

  /** Writes as much as there is room for. */
  write(space: PacketSpace, draft: PacketDraft, path: Path): void {
    const { core } = this
    if (space !== APPLICATION) {
      core.handshake.streams[space].write(draft)
      return
    }
    if (core.keys.application !== undefined) {
      core.handshake.streams[APPLICATION].write(draft)
      this.writeControls(draft)
      this.writeValidation(draft, path, path.sendable === Infinity)
    }
    if (core.wantsPing && draft.control({ type: 'PING' })) core.wantsPing = false
    core.datagrams.write(draft)
    core.streams.write(draft, core.now, path.rtt.smoothed)
  }

  /** What validates a path: RFC 9000 section 8.2. @param isFull whether the datagram has room for 1,200 bytes */
  writeValidation(draft: PacketDraft, path: Path, isFull: boolean): void {
    const { validation } = path
    if (validation.isChallengeDue && draft.room >= 9)
      draft.control({ type: 'PATH_CHALLENGE', data: validation.challenge(isFull, this.core.now) })
    while (validation.hasAnswer && draft.room >= 9) {
      const data = validation.pollAnswer()
      if (data !== undefined) draft.control({ type: 'PATH_RESPONSE', data })
    }
  }

  /** RFC 9000 section 10.2.3: what an application says is for those alone who have finished the handshake. */
  writeClose(draft: PacketDraft, frame: ConnectionCloseFrame, space: PacketSpace): void {
    const isHidden = frame.space === 'application' && space !== APPLICATION
    const shown: ConnectionCloseFrame = isHidden
      ? { type: 'CONNECTION_CLOSE', space: 'transport', code: QUIC_ERROR_CODE.APPLICATION_ERROR, frameType: 0, reason: '' }
      : frame
    if (controlFrameLength(shown) <= draft.room) draft.at = writeControlFrame(draft.bytes, draft.at, shown)
  }

  private writeControls(draft: PacketDraft): void {
    const { controls } = this.core
    let count = 0
    while (count < controls.length && draft.control(controls[count])) count++
    if (count > 0) controls.splice(0, count)
  }
}
