import { type OwnServer } from './own-server.ts';

interface ContainerRecipe {
  readonly image: string;
  readonly containerPort: number;
  readonly environment: (host: string, port: number) => Record<string, string>;
  readonly command: readonly string[];
  readonly ready: RegExp;
}

export const KAFKA: ContainerRecipe;
export const REDIS: ContainerRecipe;
export function containersAreMissing(): Promise<string | undefined>;
export const ServerContainer: { start(recipe: ContainerRecipe): Promise<OwnServer> };
