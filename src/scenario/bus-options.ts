export const FSYNC_POLICIES = ['always', 'everysec', 'no'] as const
/** When what was written is safe on the disk: before it is acknowledged, each second, or when the system gets round to it. */
export type FsyncPolicy = (typeof FSYNC_POLICIES)[number]
