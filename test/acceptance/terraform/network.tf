# The default VPC, which every account has, and two security groups in it.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_availability_zones" "this" {
  state = "available"
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
  filter {
    name   = "default-for-az"
    values = ["true"]
  }
}

data "aws_subnet" "default" {
  for_each = toset(data.aws_subnets.default.ids)
  id       = each.value
}

data "aws_internet_gateway" "default" {
  filter {
    name   = "attachment.vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_route_table" "main" {
  vpc_id = data.aws_vpc.default.id
  filter {
    name   = "association.main"
    values = ["true"]
  }
}

# A group with rules in resources of their own, the form that AWS recommends.
resource "aws_security_group" "web" {
  name        = "web"
  description = "Web servers"
  vpc_id      = data.aws_vpc.default.id
  tags        = { Stage = var.stage }
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id = aws_security_group.web.id
  description       = "Web from anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = var.web_port
  to_port           = var.web_port
  tags              = { Stage = var.stage }
}

resource "aws_vpc_security_group_ingress_rule" "ping" {
  security_group_id            = aws_security_group.web.id
  referenced_security_group_id = aws_security_group.admin.id
  ip_protocol                  = "icmp"
  from_port                    = -1
  to_port                      = -1
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

# A group with its rules inside, and one of the older rule resource.
resource "aws_security_group" "admin" {
  name_prefix = "admin-"
  description = "Administrators"
  vpc_id      = data.aws_vpc.default.id

  ingress {
    description = "SSH from the office"
    protocol    = "tcp"
    from_port   = 22
    to_port     = 22
    cidr_blocks = ["192.0.2.0/24", "198.51.100.0/24"]
  }

  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "database" {
  name        = var.database_name
  description = "Databases"
  vpc_id      = data.aws_vpc.default.id
}

resource "aws_security_group_rule" "database" {
  security_group_id        = aws_security_group.database.id
  type                     = "ingress"
  description              = "PostgreSQL from the web servers"
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
  source_security_group_id = aws_security_group.web.id
}

resource "aws_security_group_rule" "database_self" {
  security_group_id = aws_security_group.database.id
  type              = "ingress"
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
  self              = true
}
