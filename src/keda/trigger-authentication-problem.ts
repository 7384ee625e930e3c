/**
 * What KEDA's webhook refuses of a TriggerAuthentication and a ClusterTriggerAuthentication (keda
 * `apis/keda/v1alpha1/triggerauthentication_webhook.go`). It looks into identities of clouds and OAuth2 too, which
 * nothing here can use: a manifest that is wrong there is wrong everywhere.
 */

interface PodIdentity {
  provider?: string;
  identityId?: string | null;
  identityTenantId?: string | null;
  identityAuthorityHost?: string | null;
  roleArn?: string;
  externalID?: string;
  identityOwner?: string;
}

interface CheckedSpec {
  podIdentity?: PodIdentity;
  oauth2?: { type?: string; clientId?: string; tokenUrl?: string };
}

/** Upstream's text, or undefined. */
export function triggerAuthenticationProblem({ podIdentity, oauth2 }: CheckedSpec): string | undefined {
  const identity = podIdentity ?? undefined;
  if (identity !== undefined) {
    // Of other providers nothing is looked at, OAuth2 neither.
    if (identity.provider !== "azure-workload" && identity.provider !== "aws") return undefined;
    const problem = identity.provider === "aws" ? awsProblem(identity) : azureProblem(identity);
    if (problem !== undefined) return problem;
  }
  return oauth2 === undefined || oauth2 === null ? undefined : oauth2Problem(oauth2);
}

function azureProblem(identity: PodIdentity): string | undefined {
  const { identityId, identityTenantId, identityAuthorityHost } = identity;
  if (identityId === "") {
    return 'identityId of PodIdentity should not be empty. If it\'s set, identityId has to be different than ""';
  }
  if (identityAuthorityHost) {
    return identityTenantId
      ? undefined
      : "identityTenantID of PodIdentity should not be nil or empty when identityAuthorityHost of PodIdentity is set";
  }
  return identityTenantId === ""
    ? 'identityTenantId of PodIdentity should not be empty. If it\'s set, identityTenantId has to be different than ""'
    : undefined;
}

function awsProblem({ roleArn, externalID, identityOwner }: PodIdentity): string | undefined {
  if (roleArn && identityOwner === "workload")
    return "roleArn of PodIdentity can't be set if KEDA isn't identityOwner";
  return externalID && !roleArn ? "externalID of PodIdentity requires roleArn to be set" : undefined;
}

function oauth2Problem({
  type = "",
  clientId,
  tokenUrl,
}: NonNullable<CheckedSpec["oauth2"]>): string | undefined {
  if (type !== "clientCredentials") return `oauth2.type must be 'clientCredentials', got '${type}'`;
  if (!clientId) return "oauth2.clientId is required when oauth2 is configured";
  if (!tokenUrl) return "oauth2.tokenUrl is required when oauth2 is configured";
  return /^https?:\/\/[^/?#]/i.test(tokenUrl) && URL.canParse(tokenUrl)
    ? undefined
    : "oauth2.tokenUrl must be a valid http or https URL";
}
