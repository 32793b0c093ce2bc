/** User data of the demonstration: what it prints must tell who ran it and where. */
export const userData = `#!/bin/sh
echo "Hello from $(hostname), run by $(id -un) at the first boot" >> /var/log/hello.log
chmod 644 /var/log/hello.log
`;

/** Fetches the instance's identity document with an IMDSv2 token, as AWS's documentation shows it. */
export const identityCommand = [
  "token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)",
  'curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/dynamic/instance-identity/document',
].join('\n');
