# A network of one's own, of everything that a VPC can have.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { Project = "network" }
  }
}

# Another account, which has its own keys.
variable "partner_access_key" {
  type = string
}

variable "partner_secret_key" {
  type      = string
  sensitive = true
}

provider "aws" {
  alias      = "partner"
  access_key = var.partner_access_key
  secret_key = var.partner_secret_key

  default_tags {
    tags = { Project = "partner" }
  }
}

data "aws_caller_identity" "this" {}

data "aws_caller_identity" "partner" {
  provider = aws.partner
}

variable "office" {
  type    = string
  default = "192.0.2.0/24"
}

variable "ssh_allowed" {
  type    = bool
  default = true
}

data "aws_availability_zones" "this" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block                       = "10.0.0.0/16"
  assign_generated_ipv6_cidr_block = true
  enable_dns_hostnames             = true
  tags                             = { Name = "main" }
}

resource "aws_vpc_ipv4_cidr_block_association" "second" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.1.0.0/16"
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name         = "corp.example.com"
  domain_name_servers = ["AmazonProvidedDNS"]
  ntp_servers         = ["169.254.169.123"]
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.main.id
}

resource "aws_subnet" "public" {
  count                           = 3
  vpc_id                          = aws_vpc.main.id
  availability_zone               = data.aws_availability_zones.this.names[count.index]
  cidr_block                      = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, count.index)
  map_public_ip_on_launch         = true
  assign_ipv6_address_on_creation = true
  tags                            = { Name = "public ${count.index}" }
}

resource "aws_subnet" "private" {
  count                               = 3
  vpc_id                              = aws_vpc_ipv4_cidr_block_association.second.vpc_id
  availability_zone                   = data.aws_availability_zones.this.names[count.index]
  cidr_block                          = cidrsubnet(aws_vpc_ipv4_cidr_block_association.second.cidr_block, 8, count.index)
  private_dns_hostname_type_on_launch = "resource-name"
}

resource "aws_ec2_subnet_cidr_reservation" "servers" {
  subnet_id        = aws_subnet.private[0].id
  cidr_block       = "10.1.0.128/25"
  reservation_type = "explicit"
  description      = "Fixed addresses"
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_egress_only_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = "offices"
  address_family = "IPv4"
  max_entries    = 5
}

resource "aws_ec2_managed_prefix_list_entry" "office" {
  prefix_list_id = aws_ec2_managed_prefix_list.offices.id
  cidr           = var.office
  description    = "Head office"
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route" "internet_ipv6" {
  route_table_id              = aws_route_table.public.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.main.id
}

resource "aws_route" "offices" {
  route_table_id             = aws_route_table.public.id
  destination_prefix_list_id = aws_ec2_managed_prefix_list.offices.id
  gateway_id                 = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  count          = 3
  route_table_id = aws_route_table.public.id
  subnet_id      = aws_subnet.public[count.index].id
}

# Routes written in the table itself, the older form.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id

  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.main.id
  }
  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.main.id
  }
  route {
    cidr_block                = aws_vpc.partner.cidr_block
    vpc_peering_connection_id = aws_vpc_peering_connection_accepter.partner.id
  }
}

resource "aws_eip" "nat" {
  domain = "vpc"
}

resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id
  depends_on    = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "internal" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.private[1].id
  private_ip        = "10.1.1.20"
}

resource "aws_vpc_endpoint" "store" {
  vpc_id          = aws_vpc.main.id
  service_name    = "com.amazonaws.us-east-1.s3"
  route_table_ids = [aws_route_table.private.id]
}

resource "aws_vpc_endpoint" "table" {
  vpc_id       = aws_vpc.main.id
  service_name = "com.amazonaws.us-east-1.dynamodb"
}

resource "aws_vpc_endpoint_route_table_association" "table" {
  vpc_endpoint_id = aws_vpc_endpoint.table.id
  route_table_id  = aws_route_table.public.id
}

resource "aws_main_route_table_association" "private" {
  vpc_id         = aws_vpc.main.id
  route_table_id = aws_route_table.private.id
}

resource "aws_route_table" "edge" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table_association" "edge" {
  route_table_id = aws_route_table.edge.id
  gateway_id     = aws_internet_gateway.main.id
}

resource "aws_network_acl" "private" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = aws_subnet.private[*].id

  ingress {
    rule_no    = 100
    action     = var.ssh_allowed ? "allow" : "deny"
    protocol   = "tcp"
    cidr_block = "10.0.0.0/8"
    from_port  = 22
    to_port    = 22
  }
  ingress {
    rule_no    = 110
    action     = "allow"
    protocol   = "icmp"
    cidr_block = "10.0.0.0/8"
    icmp_type  = 8
    icmp_code  = -1
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}

resource "aws_network_acl" "public" {
  vpc_id = aws_vpc.main.id
}

resource "aws_network_acl_rule" "public" {
  for_each       = { in = false, out = true }
  network_acl_id = aws_network_acl.public.id
  rule_number    = 200
  egress         = each.value
  protocol       = "-1"
  rule_action    = "allow"
  cidr_block     = "0.0.0.0/0"
}

resource "aws_network_acl_association" "public" {
  network_acl_id = aws_network_acl.public.id
  subnet_id      = aws_subnet.public[0].id
}

resource "aws_security_group" "web" {
  name_prefix = "web-"
  description = "Web servers"
  vpc_id      = aws_vpc.main.id

  ingress {
    description     = "SSH of the offices"
    protocol        = "tcp"
    from_port       = 22
    to_port         = 22
    prefix_list_ids = [aws_ec2_managed_prefix_list.offices.id]
  }
  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

# A second VPC with the same addresses, whose defaults Terraform takes over.
resource "aws_vpc" "other" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_default_network_acl" "other" {
  default_network_acl_id = aws_vpc.other.default_network_acl_id
  subnet_ids             = [aws_subnet.other.id]

  ingress {
    rule_no    = 50
    action     = "allow"
    protocol   = "udp"
    cidr_block = "10.0.0.0/16"
    from_port  = 53
    to_port    = 53
  }
}

resource "aws_subnet" "other" {
  vpc_id     = aws_vpc.other.id
  cidr_block = "10.0.0.0/24"
}

resource "aws_default_route_table" "other" {
  default_route_table_id = aws_vpc.other.default_route_table_id
}

resource "aws_default_security_group" "other" {
  vpc_id = aws_vpc.other.id

  ingress {
    protocol  = "tcp"
    from_port = 443
    to_port   = 443
    self      = true
  }
}

# A third one, of a partner's, which the first is joined with.
resource "aws_vpc" "partner" {
  provider   = aws.partner
  cidr_block = "10.20.0.0/16"
}

resource "aws_vpc_peering_connection" "partner" {
  vpc_id        = aws_vpc.main.id
  peer_vpc_id   = aws_vpc.partner.id
  peer_owner_id = data.aws_caller_identity.partner.account_id
}

resource "aws_vpc_peering_connection_accepter" "partner" {
  provider                  = aws.partner
  vpc_peering_connection_id = aws_vpc_peering_connection.partner.id
  auto_accept               = true
}

resource "aws_route" "back" {
  provider                  = aws.partner
  route_table_id            = aws_vpc.partner.default_route_table_id
  destination_cidr_block    = aws_vpc.main.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.partner.id
}

resource "aws_security_group" "partner" {
  provider    = aws.partner
  name        = "partner"
  description = "What the web servers may call"
  vpc_id      = aws_vpc.partner.id

  ingress {
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    security_groups = ["${data.aws_caller_identity.this.account_id}/${aws_security_group.web.id}"]
  }
  depends_on = [aws_vpc_peering_connection_accepter.partner]
}

data "aws_ssm_parameter" "micro" {
  name = "/aws/service/fogbank/micro/latest/amd64"
}

resource "aws_instance" "web" {
  ami                    = data.aws_ssm_parameter.micro.insecure_value
  instance_type          = "t3.nano"
  subnet_id              = aws_subnet.public[1].id
  private_ip             = "10.0.1.10"
  vpc_security_group_ids = [aws_security_group.web.id]
  depends_on             = [aws_internet_gateway.main]
}

resource "aws_network_interface" "second" {
  subnet_id         = aws_subnet.public[1].id
  private_ips       = ["10.0.1.50", "10.0.1.51"]
  security_groups   = [aws_security_group.web.id]
  source_dest_check = false
}

resource "aws_network_interface_attachment" "second" {
  instance_id          = aws_instance.web.id
  network_interface_id = aws_network_interface.second.id
  device_index         = 1
}

resource "aws_route" "appliance" {
  route_table_id         = aws_route_table.edge.id
  destination_cidr_block = aws_subnet.public[2].cidr_block
  network_interface_id   = aws_network_interface.second.id
}

resource "aws_eip" "web" {
  domain = "vpc"
}

resource "aws_eip_association" "web" {
  allocation_id        = aws_eip.web.id
  network_interface_id = aws_instance.web.primary_network_interface_id
}

resource "aws_eip" "spare" {
  domain = "vpc"
}

# Can the offices reach the web server?
resource "aws_ec2_network_insights_path" "ssh" {
  source           = aws_internet_gateway.main.id
  destination      = aws_instance.web.id
  protocol         = "tcp"
  destination_port = 22
}

resource "aws_ec2_network_insights_analysis" "ssh" {
  network_insights_path_id = aws_ec2_network_insights_path.ssh.id
  depends_on               = [aws_eip_association.web, aws_network_acl_rule.public, aws_route_table_association.public]
}

output "reachable" {
  value = aws_ec2_network_insights_analysis.ssh.path_found
}

output "web" {
  value = { instance = aws_instance.web.id, address = aws_eip.web.public_ip, main_table = aws_route_table.private.id }
}
