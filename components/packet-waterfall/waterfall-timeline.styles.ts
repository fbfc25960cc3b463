import { css } from 'lit'

/**
 * Each phase has a colour and a shape of its own: what waits is thin, what is set up is of half height, what comes in is high; what was
 * held back is hatched.
 */
export const timelineStyles = css`
  :host {
    --phase-queued: var(--pk-line-strong);
    --phase-dns: var(--packetarium-phase-dns, light-dark(#1f8468, #7fdcbd));
    --phase-connect: var(--packetarium-phase-connect, light-dark(#b06100, #f5a11a));
    --phase-tls: var(--packetarium-phase-tls, light-dark(#7d2668, #d193b6));
    --phase-sending: var(--packetarium-phase-sending, light-dark(#2b313b, #f1f4f8));
    --phase-waiting: var(--packetarium-phase-waiting, light-dark(#8094a8, #7488a0));
    --phase-receiving: var(--packetarium-phase-receiving, light-dark(#0b5cad, #4a97f5));
    --phase-blocked: var(--packetarium-phase-blocked, light-dark(#c22b00, #ff7a3d));
    --phase-repairing: var(--packetarium-phase-repairing, light-dark(#8f5c00, #f0b64a));
  }
  .key {
    position: relative;
    display: inline-block;
    flex: none;
    width: 18px;
    height: 12px;
  }
  .key .span {
    left: 0;
    width: 100%;
  }
  .track {
    position: absolute;
    inset: 0 var(--edge) 0 calc(var(--text) + var(--edge));
  }
  .columns .track {
    overflow: visible;
  }
  .axis {
    position: absolute;
    inset: 0;
  }
  .tick {
    position: absolute;
    top: 0;
    bottom: 0;
    display: flex;
    align-items: center;
    padding-left: 4px;
    border-left: 1px solid var(--pk-line);
  }
  .tracks {
    position: absolute;
    inset: 0 var(--edge) 0 calc(var(--text) + var(--edge));
    pointer-events: none;
  }
  .gridline {
    position: absolute;
    top: 0;
    bottom: 0;
    width: 1px;
    background: color-mix(in oklab, var(--pk-line) 60%, transparent);
  }
  .lane {
    position: absolute;
    left: 0;
    right: 0;
  }
  .bars {
    position: absolute;
    inset: 0;
    contain: layout style;
  }
  .bar {
    position: absolute;
    left: 0;
    right: 0;
    height: calc(16px * var(--pk-scale));
    margin-top: calc(6px * var(--pk-scale));
  }
  .span {
    position: absolute;
    top: 0;
    bottom: 0;
    min-width: 1px;
    border-radius: 1px;
    pointer-events: auto;
    forced-color-adjust: none;
  }
  .span.queued {
    top: 44%;
    bottom: 44%;
    background: var(--phase-queued);
  }
  .span.dns {
    top: 22%;
    bottom: 22%;
    background: var(--phase-dns);
  }
  .span.connect {
    top: 22%;
    bottom: 22%;
    background: var(--phase-connect);
  }
  .span.tls {
    top: 22%;
    bottom: 22%;
    background: var(--phase-tls);
  }
  .span.sending {
    top: 8%;
    bottom: 8%;
    background: var(--phase-sending);
  }
  .span.waiting {
    top: 32%;
    bottom: 32%;
    background: var(--phase-waiting);
  }
  .span.receiving {
    background: var(--phase-receiving);
  }
  .span.blocked {
    border: 1.5px solid var(--phase-blocked);
    background: repeating-linear-gradient(
      -45deg,
      var(--phase-blocked) 0 3px,
      color-mix(in oklab, var(--phase-blocked) 22%, var(--pk-surface)) 3px 6px
    );
  }
  .span.repairing {
    top: 8%;
    bottom: 8%;
    border: 1px solid var(--phase-repairing);
    background: repeating-linear-gradient(
      90deg,
      var(--phase-repairing) 0 1.5px,
      color-mix(in oklab, var(--phase-repairing) 16%, var(--pk-surface)) 1.5px 5px
    );
  }
  .mark {
    position: absolute;
    top: 50%;
    width: 9px;
    height: 9px;
    margin: -4.5px 0 0 2px;
    forced-color-adjust: none;
  }
  .mark.cross {
    background:
      linear-gradient(45deg, transparent 41%, var(--pk-lost) 42% 58%, transparent 59%),
      linear-gradient(-45deg, transparent 41%, var(--pk-lost) 42% 58%, transparent 59%);
  }
  .mark.instant {
    width: 8px;
    height: 8px;
    margin-left: -4px;
    border: 1.5px solid var(--phase-receiving);
    rotate: 45deg;
  }
  .span.chosen {
    outline: 2px solid var(--pk-accent);
    outline-offset: 1px;
    z-index: 1;
  }
  .bar .span:hover {
    filter: brightness(1.12);
  }

  .milestone {
    --milestone: var(--pk-text);
    position: absolute;
    top: 0;
    bottom: 0;
    z-index: 1;
    width: 0;
    border-left: 1.5px solid var(--milestone);
    color: var(--milestone);
    font-size: var(--pk-size-tiny);
    line-height: var(--row);
    white-space: nowrap;
  }
  .milestone span {
    position: absolute;
    top: calc(var(--row) / 2 - 0.65em);
    left: 2px;
    padding-inline: 3px;
    background: var(--pk-sunken);
    line-height: 1.3;
    font-weight: 600;
  }
  .milestone.left span {
    right: 3px;
    left: auto;
  }
  .milestone.first-rendered {
    --milestone: var(--pk-good);
  }
  .milestone.parsed {
    --milestone: var(--pk-accent);
    border-left-style: dashed;
  }
  .milestone.rendered {
    --milestone: var(--pk-good);
    border-left-style: dotted;
  }
  .milestone.failed {
    --milestone: var(--pk-lost);
  }
  .playhead {
    position: absolute;
    top: 0;
    bottom: 0;
    left: -1px;
    width: 2px;
    background: var(--pk-accent);
    will-change: transform;
  }
`
