import type { NetworkAclEntryIntent, PacketRule, RouteIntent } from '../../engine/engine.ts';
import type { Packet } from './packet.ts';

/** What a packet passes on its way, in order. Ids are those of the intents. */
export type Step =
  | { readonly kind: 'interface'; readonly vpcId: string; readonly networkInterfaceId: string; readonly packet: Packet }
  | {
      readonly kind: 'security-group';
      readonly vpcId: string;
      readonly direction: Direction;
      readonly groupId: string;
      readonly networkInterfaceId: string;
      /** None for the answer of a connection that is known. */
      readonly rule?: PacketRule;
    }
  | {
      readonly kind: 'network-acl';
      readonly vpcId: string;
      readonly subnetId: string;
      readonly direction: Direction;
      /** None where the ACL lets everything pass. */
      readonly entry?: NetworkAclEntryIntent;
    }
  | {
      readonly kind: 'route';
      readonly vpcId: string;
      /** None for the table of what comes from the internet gateway. */
      readonly subnetId?: string;
      readonly route: RouteIntent;
    }
  | {
      readonly kind: 'gateway';
      readonly vpcId: string;
      readonly gateway: Gateway;
      readonly before: Packet;
      readonly after: Packet;
    }
  | {
      readonly kind: 'nat-gateway';
      readonly vpcId: string;
      readonly natGatewayId: string;
      readonly before: Packet;
      readonly after: Packet;
    }
  | {
      readonly kind: 'peering';
      readonly vpcPeeringConnectionId: string;
      readonly vpcId: string;
      readonly peerVpcId: string;
      readonly packet: Packet;
    };

export type Direction = 'ingress' | 'egress';
export type Gateway = 'internet-gateway' | 'egress-only-internet-gateway';

/** AWS's codes of what keeps a packet from going on. */
export type ExplanationCode =
  | 'BAD_STATE'
  | 'BAD_STATE_ROUTE'
  | 'DISCONNECTED_VPCS'
  | 'ENI_SG_RULES_MISMATCH'
  | 'ENI_SOURCE_DEST_CHECK_RESTRICTION'
  | 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS'
  | 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS'
  | 'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS'
  | 'IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS'
  | 'NO_PATH'
  | 'NO_POSSIBLE_DESTINATION'
  | 'NO_ROUTE_TO_DESTINATION'
  | 'PCX_REQUIRES_ADDRESS_IN_VPC_CIDR'
  | 'SG_HAS_NO_RULES'
  | 'SUBNET_ACL_RESTRICTION'
  | 'UNASSOCIATED_COMPONENT';

/**
 * What keeps a packet from going on, with what it was at.
 * @see https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html
 */
export interface Obstacle {
  readonly code: ExplanationCode;
  /** The packet as it was there; a reply when `onReturn`. */
  readonly packet: Packet;
  readonly onReturn: boolean;
  readonly vpcId?: string;
  readonly direction?: Direction;
  readonly subnetId?: string;
  readonly networkInterfaceId?: string;
  readonly groupIds?: readonly string[];
  readonly entry?: NetworkAclEntryIntent;
  readonly route?: RouteIntent;
  readonly gateway?: Gateway;
  readonly vpcPeeringConnectionId?: string;
  /** What would have to be there. */
  readonly missing?: Gateway | 'network-interface' | 'nat-gateway' | 'vpc-peering-connection';
}
