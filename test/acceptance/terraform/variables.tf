# What the test changes between two applies.

variable "public_key" {
  type = string
}

variable "instance_type" {
  type    = string
  default = "t3.micro"
}

variable "stage" {
  type    = string
  default = "test"
}

variable "web_port" {
  type    = number
  default = 80
}

variable "message" {
  type    = string
  default = "hello"
}

variable "shutdown_behavior" {
  type    = string
  default = "stop"
}

variable "source_dest_check" {
  type    = bool
  default = true
}

variable "database_name" {
  type    = string
  default = "database"
}
