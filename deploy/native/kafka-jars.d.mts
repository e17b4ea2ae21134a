export function kafkaJars(): string;
export function kafkaIsMissing(): string | undefined;
