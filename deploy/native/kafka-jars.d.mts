export function kafkaIsMissing(): string | undefined;
